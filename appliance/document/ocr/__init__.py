"""The machine-readable zone read from a picture: lines found, straightened, cut into cells, each cell recognised.

What is read is a proposal for opening the chip and is never trusted over it. Not here: the zone's grammar
(`appliance.document.mrz`), whose check digits are no proof either, and taking pictures (drivers).
"""
