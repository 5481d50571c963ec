"""Which bytes switch the infrared emitter of which camera, and what a camera's descriptors say of its extension units.

Every row was read in the source it names; none has been tried by us. To add one, find unit, selector and bytes with
`linux-enable-ir-emitter configure` or by capturing what another system sends, and say where they come from. A row must
have bytes that really put the light out: some cameras refuse zeros and stay lit. Not here: sending (driver).
"""

import uuid
from dataclasses import dataclass

REALTEK_CONTROL = uuid.UUID("26b8105a-0713-4870-979d-da79444bb68e")
MICROSOFT_CAMERA_CONTROL = uuid.UUID("0f3f95dc-2632-4c4e-92c9-a04782f43bc8")
_VISAGE = "sovren-software/visage, contrib/hw"


@dataclass(frozen=True, slots=True)
class Emitter:
    """One camera model. `guid` is None where the source does not give it; then unit and selector alone are proved."""

    vendor: int
    product: int
    name: str
    unit: int
    selector: int
    on: bytes
    off: bytes
    source: str
    guid: uuid.UUID | None = None


EMITTERS = (
    Emitter(
        0x04F2,
        0xB67C,
        "Chicony Integrated Camera (Lenovo T490s)",
        unit=14,
        selector=14,
        on=b"\x02\x19",
        off=b"\x00\x00",
        source="PetePriority/chicony-ir-toggle, main.c and 99-ir-led.rules; its author on linux-uvc-devel, 2019-11-02",
        guid=REALTEK_CONTROL,
    ),
    Emitter(
        0x30C9,
        0x0120,
        "Luxvisions IR camera (HP OmniBook X Flip)",
        unit=14,
        selector=6,
        on=b"\x01\x03\x03" + bytes(6),
        off=b"\x01\x03\x01" + bytes(6),
        source=f"{_VISAGE}/30c9-0120.toml: refuses zeros, forgets when the file is closed",
        guid=MICROSOFT_CAMERA_CONTROL,
    ),
    Emitter(
        0x174F,
        0x11A8,
        "Syntek IR camera (Lenovo ThinkPad P14s Gen 4)",
        unit=14,
        selector=6,
        on=b"\x01\x03\x03" + bytes(6),
        off=b"\x01\x03\x01" + bytes(6),
        source=f"{_VISAGE}/174f-11a8.toml: refuses zeros",
    ),
    Emitter(
        0x04F2,
        0xB6D9,
        "Chicony IR camera (ASUS Zenbook 14 UM3406HA)",
        unit=14,
        selector=6,
        on=b"\x01\x03\x03" + bytes(6),
        off=bytes(9),
        source=f"{_VISAGE}/04f2-b6d9.toml",
    ),
    Emitter(
        0x174F,
        0x2454,
        "Syntek IR camera (Lenovo ThinkPad X1 Carbon Gen 9)",
        unit=4,
        selector=6,
        on=b"\x01\x03\x02" + bytes(6),
        off=bytes(9),
        source=f"{_VISAGE}/174f-2454.toml",
    ),
)


def find(vendor: int, product: int, rows: tuple[Emitter, ...] = EMITTERS) -> Emitter | None:
    """The row of a camera; None when it has none."""
    return next((row for row in rows if (row.vendor, row.product) == (vendor, product)), None)


# --- USB descriptors --------------------------------------------------------------------------------------------

_INTERFACE, _CLASS_SPECIFIC, _EXTENSION_UNIT = 0x04, 0x24, 0x06
_VIDEO_CONTROL = (0x0E, 0x01)


@dataclass(frozen=True, slots=True)
class ExtensionUnit:
    """An extension unit as the camera describes it; `controls` is its bitmap, bit 0 for selector 1."""

    interface: int
    unit: int
    guid: uuid.UUID
    controls: int

    def has(self, selector: int) -> bool:
        """Whether the camera lists this control."""
        return bool(self.controls >> (selector - 1) & 1)


def extension_units(descriptors: bytes) -> tuple[ExtensionUnit, ...]:
    """All extension units in a USB device's file `descriptors` (USB Video Class 1.5, chapter 3). Raises ValueError."""
    units = []
    interface, is_control = -1, False
    at = 0
    while at < len(descriptors):
        length = descriptors[at]
        item = descriptors[at : at + length]
        if length < 2 or len(item) < length:
            raise ValueError(f"descriptors are cut off at byte {at}")
        at += length
        if item[1] == _INTERFACE and length >= 9:
            interface, is_control = item[2], (item[5], item[6]) == _VIDEO_CONTROL
        # In a streaming interface the same subtype is a video format.
        elif is_control and item[1] == _CLASS_SPECIFIC and length >= 24 and item[2] == _EXTENSION_UNIT:
            units.append(_extension_unit(interface, item))
    return tuple(units)


def _extension_unit(interface: int, item: bytes) -> ExtensionUnit:
    size_at = 22 + item[21]
    if size_at >= len(item) or size_at + 1 + item[size_at] > len(item):
        raise ValueError(f"the descriptor of extension unit {item[3]} is cut off")
    controls = int.from_bytes(item[size_at + 1 : size_at + 1 + item[size_at]], "little")
    return ExtensionUnit(interface, item[3], uuid.UUID(bytes_le=bytes(item[4:20])), controls)
