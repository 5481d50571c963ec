"""Which reader gives the machine-readable zone, as a section of a lane's configuration, and its driver.

One class per kind; each builds its reader and opens nothing. Not here: the chip, and what the zone says.
"""

from typing import Annotated, Any, Literal, NoReturn

from pydantic import Field, model_validator

from appliance.section import Section
from drivers.document.mrz_swipe import idbox, rte_native, text
from drivers.document.mrz_swipe.driver import SwipeReader, swipe_reader
from drivers.document.mrz_swipe.framing import Framing

Baudrate = Literal[9600, 19200, 38400, 57600, 115200]


class _SerialReader(Section):
    """What every reader on a serial port has: its port, by /dev/serial/by-path or by-id, and "data terminal ready"."""

    port: str
    baudrate: Baudrate = 9600
    dtr: bool = True

    def framing(self) -> Framing:
        """The host end of its protocol, fresh."""
        raise NotImplementedError

    def build(self, device: str) -> SwipeReader:
        """The driver, not yet open; `device` is its name in errors."""
        return swipe_reader(device, self.port, self.framing(), baudrate=self.baudrate, dtr=self.dtr)


class RteConfig(_SerialReader):
    """3M RTE6701 and others that speak "RTE Native". `check`: what the check byte is over."""

    kind: Literal["rte_native"]
    check: rte_native.Check = rte_native.Check.XOR_AFTER_SOH

    def framing(self) -> Framing:
        """RTE Native."""
        return rte_native.RteNative(check=self.check)


class IdboxConfig(_SerialReader):
    """Elyctis IDBOX One. `inquire` asks again and again instead of having it read by itself."""

    kind: Literal["idbox"]
    baudrate: Baudrate = 115200
    inquire: bool = False

    def framing(self) -> Framing:
        """IDBOX messages."""
        return idbox.Idbox(inquire=self.inquire)


class TextConfig(_SerialReader):
    """Lines of text. `framed`: between STX and ETX. `trigger`: a Honeywell imager that is started for each document."""

    kind: Literal["serial_text"]
    framed: bool = False
    trigger: bool = False

    def framing(self) -> Framing:
        """Lines."""
        return text.TextLines(framed=self.framed, trigger=self.trigger)


class KeyboardWedgeConfig(Section):
    """A reader that types like a keyboard: refused, and the refusal says what to do instead."""

    kind: Literal["keyboard_wedge"]

    def build(self, device: str) -> NoReturn:
        """There is no such reader: the section is refused."""
        raise NotImplementedError(device)

    @model_validator(mode="before")
    @classmethod
    def _refused(cls, _: Any) -> Any:
        raise ValueError(
            "a reader that types like a keyboard is refused: whatever window or keyboard is there can take or type the "
            "zone, another layout changes `<`, Y and Z, and nothing tells that it is unplugged. Set the reader to its "
            'serial mode (USB-CDC, "virtual COM port") and use kind = "serial_text"; else use one with a serial port'
        )


MRZ_KINDS = ("rte_native", "idbox", "serial_text", "keyboard_wedge")
MrzReaderConfig = Annotated[
    RteConfig | IdboxConfig | TextConfig | KeyboardWedgeConfig,
    Field(discriminator="kind"),
]
