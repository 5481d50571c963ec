"""Whether what a chip holds is genuine: trusted issuers, passive authentication, active authentication's verification.

Not responsible for talking to a chip, nor for what a finding means for the traveller (`appliance.document.reasons`).
"""
