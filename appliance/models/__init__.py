"""Model weights: which files a matcher pack needs, where they come from, and proof that they are the ones named.

Weights are never part of the source or the wheel. Not responsible for running them (`appliance.face`).
"""
