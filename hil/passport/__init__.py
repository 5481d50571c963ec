"""The virtual passport: a chip with its own cryptography, the states that issue it, and everything that can be wrong.

It shares no line with `appliance.document`, which it is there to test (import-linter holds that): points and curves
come from `ecdsa`, ciphers from `pycryptodomex`. Its documents are issued by Utopia, the UTO of the ICAO specimens
("UT" in certificates), under keys that anybody can derive: nothing here protects anything.
"""
