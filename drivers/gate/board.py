"""What the dry-contact gate needs of a relay board with digital inputs, whatever its make."""

from typing import Protocol

from drivers.ports import DeviceIdentity


class RelayBoard(Protocol):
    """An open board. All calls raise DriverError. `urgent` calls overtake polls that wait for the line."""

    @property
    def relays(self) -> int:
        """Number of relays."""
        ...

    @property
    def inputs(self) -> int:
        """Number of digital inputs."""
        ...

    async def identify(self) -> DeviceIdentity:
        """Prove that this is the configured board, in a mode where only we drive relays. Changes no output."""
        ...

    async def pulse(self, relay: int, tenths: int, *, expires_s: float) -> None:
        """Energise one relay for `tenths` of 100 ms; the board itself ends it. Never sent later than `expires_s`."""
        ...

    async def all_off(self) -> None:
        """De-energise every relay and end running pulses. Always urgent."""
        ...

    async def read_relays(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """What the board's firmware believes of its relays; True is energised."""
        ...

    async def read_inputs(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """The digital inputs; True is current flowing."""
        ...

    def close(self) -> None:
        """Give the port up. Never raises, changes no output."""
        ...
