"""Data sets of simulated presentations: drawn (`cases`), rendered (`render`), written (`run`), looked at (`sheet`).

Everything in them is simulated, and the header says so. Not responsible for what a detector makes of them
(`appliance.evaluate`).
"""
