"""Device ends of the wire protocols: pure objects, and the pseudo-terminal that carries them."""
