"""Why no secure channel came about, told from the frames on the wire: the library says only "offline".

Not here: frames (protocol), and what to do about it (link).
"""

from drivers.errors import DriverError, IdentityMismatch, NoResponse, RemoteProtocolError
from drivers.osdp.protocol import Command, Frame, Reply, offers_secure_channel


class Evidence:
    """What was sent and heard since the library last began at the beginning."""

    def __init__(self, address: int) -> None:
        self._address = address
        self._asked: int | None = None
        self._noise = b""
        self._frames = 0
        self._strangers: set[int] = set()
        self._offered: bool | None = None
        self._answer: Frame | None = None
        self._nak: tuple[int, int] | None = None

    def sent(self, frame: Frame) -> None:
        """A frame left."""
        self._asked, self._answer = frame.code, None

    def heard(self, piece: Frame | bytes) -> None:
        """A frame or noise came."""
        if isinstance(piece, bytes):
            self._noise = (self._noise + piece)[:16]
            return
        if piece.address != self._address:
            self._strangers.add(piece.address)
            return
        self._frames += 1
        self._answer = piece
        if piece.code == Reply.PDCAP and piece.security is None:
            self._offered = offers_secure_channel(piece.data)

    @property
    def answered(self) -> int | None:
        """Code of the whole answer to the newest command; None when there was none."""
        return self._answer.code if self._answer is not None else None

    def verdict(self, device: str, *, was_secure: bool) -> DriverError:
        """The reason in words that say what to do; IdentityMismatch when the device is not the configured one."""
        if not was_secure:
            refusal = self._refusal()
            if refusal is not None:
                return IdentityMismatch(device, f"{refusal}; it is not used")
        if self._frames:
            return RemoteProtocolError(
                device,
                "an answer was refused, spoilt or forged, and the secure channel dropped; it is being set up again",
            )
        if self._strangers:
            return NoResponse(device, f"address {self._address} is silent, but {sorted(self._strangers)} answers")
        if self._noise:
            return RemoteProtocolError(
                device, f"what answers is not OSDP ({self._noise.hex(' ')}); check the baud rate and A/B wires"
            )
        return NoResponse(
            device, f"silent at address {self._address}; check power, A/B wires, address and baud rate of the device"
        )

    def _refusal(self) -> str | None:
        """What whole, unspoilt answers of a handshake say against the device."""
        answer = self._answer
        if self._offered is False:
            return "it says it has no secure channel: it talks in the clear only, or its capabilities were changed"
        if answer is None:
            return None
        if self._asked == Command.CHLNG and answer.code == Reply.NAK:
            return "it refuses the secure channel: it has no key yet (commission it) or knows no secure channel"
        if self._asked == Command.CHLNG and answer.code == Reply.CCRYPT:
            if len(answer.block) > 2 and answer.block[2] == 0:
                return "it answers with the default key SCBK-D that everybody knows: commission it with its own key"
            return "it has another key: it is not the configured device, or its key was changed"
        if self._asked == Command.SCRYPT and answer.code in (Reply.NAK, Reply.RMAC_I):
            return "it refuses our key: it is not the configured device, or its key was changed"
        return None
