"""From what a reader delivers to what the core may know: MRZ grammar, judgement, decoding in a sandboxed child.

Not responsible for devices (drivers) nor for what a document means for the passage (`appliance.core.decision`).
"""
