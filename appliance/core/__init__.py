"""The pure core: types, the passage state machine, its interlock, decisions, faults, policy.

Nothing here does I/O, reads a clock, draws a random number or logs; import-linter holds it to that.
"""
