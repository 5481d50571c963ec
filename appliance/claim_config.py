"""How people say who they are at a lane: a document reader, a card with an enrolment behind it, or the face alone."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from appliance.core.types import Claim
from appliance.document.rules import Rules
from appliance.mrz_config import MRZ_KINDS, MrzReaderConfig
from appliance.section import Section


class SimulatedReaderConfig(Section):
    """The document reader of the simulated rig."""

    kind: Literal["rig"]
    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def claim(self) -> Claim:
        """What is laid on it."""
        return Claim.DOCUMENT


class PcscReaderConfig(Section):
    """A chip reader over PC/SC, by the beginning of its name, beside a reader of printed zones."""

    kind: Literal["pcsc"]
    reader: Annotated[str, Field(min_length=1)]
    zone: MrzReaderConfig

    @property
    def claim(self) -> Claim:
        """What is laid on it."""
        return Claim.DOCUMENT


class OsdpCardConfig(Section):
    """A card reader by OSDP; `keys` is the folder its secure channel's key lies in, as document_reader.scbk."""

    kind: Literal["osdp_card"]
    port: str
    keys: Path
    baudrate: int = 9600
    address: Annotated[int, Field(ge=0, le=126)] = 1
    serial_number: int | None = None

    @property
    def claim(self) -> Claim:
        """What is held to it."""
        return Claim.CARD


class WalkUpConfig(Section):
    """No reader: whoever comes into view is looked for in the gallery (1:N)."""

    kind: Literal["walk_up"]

    @property
    def claim(self) -> Claim:
        """Nothing is presented."""
        return Claim.NOBODY


CLAIM_KINDS = ("rig", "pcsc", "osdp_card", "walk_up", *MRZ_KINDS)
ClaimConfig = Annotated[
    SimulatedReaderConfig | PcscReaderConfig | OsdpCardConfig | WalkUpConfig, Field(discriminator="kind")
]


class TrustConfig(Section):
    """Whose signatures are believed (docs/trust.md), and what is demanded of a document: `appliance.document.rules`.

    `roots` are the SHA-256 fingerprints that everything in the store must hang on: whoever can write the store cannot
    make the lane believe another root.
    """

    store: Path
    roots: Annotated[frozenset[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]], Field(min_length=1)]
    types: frozenset[Annotated[str, Field(pattern=r"^[A-Z]$")]] = frozenset({"P"})
    without_clone_detection: frozenset[Annotated[str, Field(pattern=r"^[A-Z]{1,3}$")]] = frozenset()
    allow_sha1: bool = False
    allow_bac_fallback: bool = False
    extended: bool = True

    def rules(self) -> Rules:
        """As the inspection takes them."""
        return Rules(**self.model_dump(exclude={"store", "roots"}))


class GalleryConfig(Section):
    """Who is enrolled (docs/galleries.md). `key` is the key file, outside of `folder`.

    `identify_threshold` judges 1:N searches, where false positives add up with the number enrolled: nobody but the site
    can choose it. It may not be more lenient than the pack's own.
    """

    folder: Path
    key: Path
    identify_threshold: float | None = None
