"""The gallery as the vision process uses it: one subject's reference after a card, or a search for a live face.

Templates of enrolled people are in this process and in no other. What the gallery refuses becomes words for a guard:
nobody passes by an error. Not responsible for enrolment and deletion (`appliance.gallery`).
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.clock import Clock
from appliance.face.masked import MaskedReference
from appliance.face.types import WORST_SCORE, Comparison, FacePack, Template
from appliance.gallery.enrol import recogniser_of
from appliance.gallery.errors import (
    Ambiguous,
    ConsentMissing,
    GalleryError,
    NoSuchSubject,
    SubjectExpired,
    TemplatesStale,
)
from appliance.gallery.store import Gallery

_WORDS: dict[type[GalleryError], str] = {
    NoSuchSubject: "Nobody is enrolled for this card.",
    SubjectExpired: "The enrolment has expired.",
    ConsentMissing: "No consent to the enrolment is on record.",
    TemplatesStale: "Enrolled with another recogniser: this person must be enrolled again.",
    Ambiguous: "More than one enrolled person looks like this.",
}


@dataclass(frozen=True, slots=True)
class Referred:
    """Whoever a card belongs to: the reference or why there is none, another for faces in medical masks, the end of the
    enrolment, a kept photo. What there is not is None.
    """

    reference: Template | str
    for_masks: MaskedReference | None = None
    valid_until: datetime | None = None
    photo: bytes | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """What came of a search, or why it proves nothing; `label` is who was found, "" for nobody."""

    comparison: Comparison | str
    label: str = ""


class Enrolled:
    """A gallery open for reading. `threshold` judges searches; None where no face is searched for."""

    def __init__(self, gallery: Gallery, pack: FacePack, threshold: float | None) -> None:
        self._gallery, self._pack, self._threshold = gallery, pack, threshold

    @classmethod
    def open(cls, given: dict[str, Any], pack: FacePack, clock: Clock) -> "Enrolled":
        """From the set-up's `folder`, `key` and `identify_threshold`.

        Raises GalleryError, ModelError, ValueError: a search may not be more lenient than the pack.
        """
        threshold = given["identify_threshold"]
        if threshold is not None:
            worse = threshold < pack.threshold if pack.metric == "cosine" else threshold > pack.threshold
            if worse:
                raise ValueError(
                    f"gallery.identify_threshold {threshold} is more lenient than {pack.threshold}, which pack "
                    f"{pack.pack_id} needs to compare two faces; a search needs a stricter one"
                )
        recogniser = recogniser_of(pack.pack_id)
        gallery = Gallery.open(Path(given["folder"]), Path(given["key"]), clock, recogniser=recogniser)
        return cls(gallery, pack, threshold)

    def refer(self, who: str) -> Referred:
        """The reference of a card's owner. Never raises for what the gallery holds or lacks."""
        try:
            until = self._gallery.find(who).valid_until
        except GalleryError as error:
            return Referred(_words(error))
        try:
            reference = self._gallery.reference(who)
            photos = self._gallery.photos(who)
        except GalleryError as error:
            return Referred(_words(error), valid_until=until)
        for_masks = None
        with suppress(TemplatesStale):  # enrolled before there was one
            for_masks = MaskedReference(self._gallery.reference(who, for_masks=True))
        return Referred(reference, for_masks, until, photos[0] if photos else None)

    def search(self, probe: Template) -> Searched:
        """Look for a live face among everybody."""
        if self._threshold is None:
            return Searched("No threshold for searches is configured.")
        try:
            found = self._gallery.identify(probe, threshold=self._threshold)
        except GalleryError as error:
            return Searched(_words(error))
        metric = self._pack.metric
        if found is None:
            return Searched(Comparison(WORST_SCORE[metric], self._threshold, metric, accepted=False))
        return Searched(Comparison(found.score, self._threshold, metric, accepted=True), found.label)

    def close(self) -> None:
        """Wipe what is in memory."""
        self._gallery.close()


def _words(error: GalleryError) -> str:
    return _WORDS.get(type(error), "The gallery cannot be read: see the log of the lane.")
