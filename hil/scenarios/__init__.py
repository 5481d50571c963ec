"""Scripted passages on the simulated lane: what comes, what is expected, what really happened."""
