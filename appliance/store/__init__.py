"""What a lane remembers: the hash-chained journal and the tables derived from it.

Not responsible for evidence images or galleries, nor for deciding what happens when it fails (the runtime does).
"""
