"""Readers of documents: how the zone comes off the paper. What it says is judged in `appliance.document`."""
