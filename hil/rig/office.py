"""The office of the rig: who is enrolled, their cards, and the reader they hold them to.

Everybody of the cast is enrolled from the portrait of their passport but STRANGER; the enrolment of LAPSED is over.
Labels and consents are of nobody who exists. Not here: the gallery itself (`appliance.gallery`).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.clock import ManualClock, SystemClock
from hil.emulator.osdp_pd import KEY, OsdpDevice
from hil.scene import CAST, Traveller
from hil.scene.portrait import render_portrait

if TYPE_CHECKING:
    from hil.rig.config import LaneSettings, RigPaths

STRANGER, LAPSED = "greta", "elif"
BITS = 26
_ENROLLED_BEFORE = timedelta(days=30)
CARD = "card.hex"


def card_of(who: Traveller) -> bytes:
    """The bits of somebody's card."""
    place = [one.key for one in CAST].index(who.key)
    return bytes((0x20, 0x11, place, 0x40))


def card_below(directory: Path, who: Traveller) -> Path:
    """The folder of somebody's card below `directory`."""
    folder = directory / f"card-{who.key}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD).write_text(card_of(who).hex(), encoding="ascii")
    return folder


def reader(paths: RigPaths) -> OsdpDevice:
    """A card reader, its key in the folder the lane looks in."""
    paths.keys.mkdir(mode=0o700, exist_ok=True)
    key = paths.keys / "document_reader.scbk"
    key.touch(mode=0o600)
    key.write_text(KEY.hex(), encoding="ascii")
    return OsdpDevice(outputs=0, inputs=0)


def tap(device: OsdpDevice, folder: Path) -> None:
    """Hold a card to the reader."""
    device.present_card(bytes.fromhex((folder / CARD).read_text(encoding="ascii")), BITS)


def enrol_cast(paths: RigPaths, settings: LaneSettings) -> None:
    """Make the gallery anew, a month ago; two enrolments are not as the others."""
    from appliance.face.packs import load_pack
    from appliance.gallery.enrol import enrol, recogniser_of
    from appliance.gallery.store import Gallery
    from appliance.gallery.types import Consent
    from appliance.runtime.claims import label_of
    from drivers.osdp.reader import CardFormat, CardRead

    if paths.gallery.exists():
        return
    pack = load_pack(settings.pack, settings.models_dir)
    now = SystemClock().now()
    then = now - _ENROLLED_BEFORE
    clock = ManualClock(then)
    Gallery.create(paths.gallery, paths.gallery_key, clock)
    recogniser = recogniser_of(pack.pack_id)
    with Gallery.open(paths.gallery, paths.gallery_key, clock, recogniser=recogniser, writable=True) as gallery:
        for who in CAST:
            if who.key == STRANGER:
                continue
            until = now - timedelta(days=1) if who.key == LAPSED else now + timedelta(days=300)
            enrol(
                gallery,
                pack,
                render_portrait(who),
                label=label_of(CardRead(0, CardFormat.WIEGAND, BITS, card_of(who))),
                consent=Consent("the rig", then, "specimen", "the simulated office"),
                valid_until=until,
                keep_photo=True,
                allow_duplicate=True,
            )
