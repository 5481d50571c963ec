"""The matcher at work: the pack, what live faces are compared with, and what a site does about medical masks.

It measures and compares; what follows from a score is the decision's business. Not responsible for cameras.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from appliance.clock import Clock
from appliance.core.types import Advice
from appliance.face.mask_detector import MaskDetector, detector_for
from appliance.face.masked import MaskedReference, compare_masked, masked_reference
from appliance.face.packs import load_pack
from appliance.face.quality import QualityReport, assess
from appliance.face.quality.mesh import FaceMesh, mesh_for
from appliance.face.types import Comparison, DetectedFace, FacePack, FailureToAcquire, Image, Template
from appliance.models.manager import ModelError, PackMissing
from appliance.vision.enrolled import Enrolled, Referred

_OF_MASKS = (Advice.UNCOVER_MOUTH, Advice.UNCOVER_FACE)
ALLOW = "allow"


@dataclass(frozen=True, slots=True, eq=False)
class Everybody:
    """What a live face is compared with that is looked for in the gallery."""

    gallery: Enrolled


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What the live face is compared with, or why there is nothing; `against` says what it is, for the guard.

    `for_masks` is the one for a face in a medical mask, where the site verifies such.
    """

    bare: Template | Everybody | str = "The document's portrait was not enrolled."
    for_masks: MaskedReference | None = None
    against: str = "the document's portrait"

    @property
    def problem(self) -> str:
        """Why there is nothing to compare with, or nothing."""
        return self.bare if isinstance(self.bare, str) else ""


@dataclass(frozen=True, slots=True)
class Seen:
    """How good a view of a face is. `masked`: there is a medical mask on it, and the site verifies with one on."""

    quality: QualityReport
    masked: bool = False


@dataclass(frozen=True, slots=True)
class Matched:
    """What came of a comparison, or why there was none; `label` is who was found, "" where nobody was looked for."""

    comparison: Comparison | str
    against: str
    label: str = ""


class Matcher:
    """One pack with its detector of masks, the mesh that tells whether eyes are open, and the lane's gallery."""

    def __init__(
        self,
        pack: FacePack,
        masks: MaskDetector | None,
        enrolled: Enrolled | None,
        *,
        allow: bool,
        mesh: FaceMesh | None = None,
    ) -> None:
        self.pack, self._masks, self._enrolled, self._allow, self._mesh = pack, masks, enrolled, allow, mesh

    @classmethod
    def load(cls, header: dict[str, Any], clock: Clock) -> "Matcher":
        """From the set-up. Raises ModelError, GalleryError, ValueError: the lane cannot start like that."""
        models_dir = Path(header["models_dir"])
        pack = load_pack(header["pack"], models_dir, header["accepted"])
        masks, allow = detector_for(header["masks"], models_dir), header["masks"] == ALLOW
        if allow and masks is None:
            raise PackMissing('face.masks = "allow" needs the detector of masks: appliance models import FOLDER')
        if allow and pack.masked_threshold is None:
            raise ModelError(f'face.masks = "allow": pack {pack.pack_id} has no threshold for masked faces')
        mesh, given = mesh_for(models_dir), header["gallery"]
        return cls(pack, masks, None if given is None else Enrolled.open(given, pack, clock), allow=allow, mesh=mesh)

    def look(self, image: Image, faces: list[DetectedFace], *, networks: bool = True) -> Seen:
        """Judge a view, with or without what takes a network. A mask that is allowed is no fault of it."""
        quality = assess(image, faces, self._masks, self._mesh) if networks else assess(image, faces)
        masked = self._allow and any(fault.say is Advice.UNCOVER_MOUTH for fault in quality.failing)
        if masked:
            quality = replace(quality, failing=tuple(one for one in quality.failing if one.say not in _OF_MASKS))
        return Seen(quality, masked)

    def template(self, image: Image, face: DetectedFace, what: str) -> Template | str:
        """A template, or why there is none."""
        try:
            return self.pack.embed(image, face)
        except FailureToAcquire as error:
            return f"No template could be made of {what}: {error}"

    def portrait(self, image: Image, face: DetectedFace) -> Reference:
        """The reference of a document's portrait."""
        bare = self.template(image, face, "the document's portrait")
        if not self._allow or isinstance(bare, str):
            return Reference(bare)
        try:
            return Reference(bare, masked_reference(self.pack, image, face, bare))
        except FailureToAcquire:
            return Reference(bare)

    def card(self, who: str) -> tuple[Reference, Referred]:
        """The reference of whoever a card belongs to, and what is known of the enrolment. Raises ValueError."""
        found = self._gallery.refer(who)
        return Reference(found.reference, found.for_masks, "the enrolled template"), found

    def everybody(self) -> Reference:
        """The live face is looked for in the gallery. Raises ValueError."""
        return Reference(Everybody(self._gallery), against="anybody enrolled")

    @property
    def _gallery(self) -> Enrolled:
        if self._enrolled is None:
            raise ValueError("this lane has no gallery")
        return self._enrolled

    def match(self, reference: Reference, probe: Template | str, *, masked: bool) -> Matched:
        """Compare, by the threshold that belongs to the case."""
        against = f"{reference.against}, with a medical mask on" if masked else reference.against
        if isinstance(reference.bare, str) or isinstance(probe, str):
            return Matched(reference.problem or str(probe), against)
        if masked:
            return Matched(self._with_mask(reference, probe), against)
        if isinstance(reference.bare, Everybody):
            found = reference.bare.gallery.search(probe)
            return Matched(found.comparison, against, found.label)
        return Matched(self.pack.compare(reference.bare, probe), against)

    def _with_mask(self, reference: Reference, probe: Template) -> Comparison | str:
        if isinstance(reference.bare, Everybody):
            return "Nobody in a medical mask is searched for: it must be taken off, or a card shown."
        if reference.for_masks is None:
            return "There is no reference for a face in a medical mask."
        return compare_masked(self.pack, reference.for_masks, probe)

    def close(self) -> None:
        """Wipe the gallery's templates."""
        if self._enrolled is not None:
            self._enrolled.close()
