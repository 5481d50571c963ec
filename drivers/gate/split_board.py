"""Relays of one board and inputs of another, as one relay board: for boards that have only one of the two.

Not here: what either says on its wire.
"""

from collections.abc import Callable

from drivers.gate.board import RelayBoard
from drivers.ports import DeviceIdentity


class SplitBoard:
    """Relays are `outputs`'; inputs are those of `outputs` first, then those of `sensors`. Either lost is lost."""

    def __init__(self, outputs: RelayBoard, sensors: RelayBoard) -> None:
        self.relays = outputs.relays
        self.inputs = outputs.inputs + sensors.inputs
        self._outputs = outputs
        self._sensors = sensors

    async def identify(self) -> DeviceIdentity:
        """Both, joined. Raises as each does."""
        first, second = await self._outputs.identify(), await self._sensors.identify()
        return DeviceIdentity(
            model=f"{first.model} with inputs of {second.model}",
            firmware=f"{first.firmware}; {second.firmware}",
            serial_number=None,
            verified_on_hardware=False,
        )

    async def pulse(self, relay: int, tenths: int, *, expires_s: float) -> None:
        """By the board with the relays."""
        await self._outputs.pulse(relay, tenths, expires_s=expires_s)

    async def all_off(self) -> None:
        """The relays in use first, then those of the other board, which nobody may have left on."""
        await self._outputs.all_off()
        await self._sensors.all_off()

    async def read_relays(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """Of the board with the relays."""
        return await self._outputs.read_relays(urgent=urgent)

    async def read_inputs(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """Of both."""
        own = await self._outputs.read_inputs(urgent=urgent) if self._outputs.inputs else ()
        return own + await self._sensors.read_inputs(urgent=urgent)

    def close(self) -> None:
        """Give both ports up."""
        self._outputs.close()
        self._sensors.close()


def split(outputs: Callable[[], RelayBoard], sensors: Callable[[], RelayBoard]) -> SplitBoard:
    """Open both ports; the first is given up when the second cannot be had. Raises PortBusy, Disconnected."""
    first = outputs()
    try:
        return SplitBoard(first, sensors())
    except BaseException:
        first.close()
        raise
