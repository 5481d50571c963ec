"""Readers that give the machine-readable zone over a serial line: swipe slots, insertion slots, hand-held imagers.

They deliver lines of the right shape and no more. Check digits are not theirs: which field has one, and where a long
document number ends, is the grammar of `appliance.document.mrz`, and drivers know nothing of ours.
"""
