"""The files of a passport's chip (ICAO 9303-10): bytes in, values or `DocumentFault` out, the bytes kept as read.

Not responsible for reading them from a chip (`appliance.document.chip`) nor for whether they are genuine
(`appliance.document.trust`): nothing here is to be believed before passive authentication has passed.
"""
