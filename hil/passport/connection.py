"""The chip where a PC/SC reader would be: `transmit` as pyscard has it."""

from hil.passport.chip import Chip


class FakeConnection:
    """A connection to a chip that lies on the reader."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._atr = list(chip.reset())

    def getATR(self) -> list[int]:
        """The answer to reset."""
        return self._atr

    def transmit(self, command: list[int]) -> tuple[list[int], int, int]:
        """Data, SW1 and SW2. Raises CardRemoved or CardSilent where pyscard has errors of its own."""
        response = self._chip.process(bytes(command))
        return list(response[:-2]), response[-2], response[-1]
