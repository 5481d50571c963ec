"""The lane's own chip reader through the real PC/SC: pcscd, its virtual reader, virtual passports (`make pcsc`).

Not responsible for what is wrong with a passport (`hil.passport.faults`), nor for a physical reader: none is here.
"""
