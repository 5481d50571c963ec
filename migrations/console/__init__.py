"""Schema history of the console's accounts database."""
