"""R421A08 and its family: eight relays on Modbus registers, pulses of whole seconds timed by the board, no inputs."""
