"""The control socket: what a lane tells its consoles and what an officer may ask of it."""
