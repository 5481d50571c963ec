"""Pure models of everything in a lane that moves: leaves, gate, document reader, travellers. Time is `tick(dt)`."""
