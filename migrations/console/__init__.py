"""Revisions of the console's accounts database, whose tables are in `ui.tables`."""
