"""Revisions of the lane's database, whose tables are in `appliance.store.tables`."""
