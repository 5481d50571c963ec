"""How a chip is opened and read: PACE, BAC, secure messaging, files, chip active authentication (9303-10, -11).

Sans-IO: whatever talks to a chip is a generator that yields command APDUs and is sent response APDUs. Not here: what
the files mean (`document.lds`), whether they are genuine (`document.trust`), readers and time-outs (drivers, runtime).
"""
