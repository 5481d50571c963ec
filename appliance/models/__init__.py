"""Model weights: which files a matcher pack or a cue needs, where they come from, proof that they are those.

Weights are never part of the source or the wheel. Not responsible for running them (`appliance.face`).
"""
