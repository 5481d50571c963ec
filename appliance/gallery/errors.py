"""What can go wrong with a gallery, each with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.face.types import TemplatesNotComparable

if TYPE_CHECKING:
    from appliance.gallery.types import Candidate


class GalleryError(Exception):
    """Base of all gallery errors."""


class KeyRefused(GalleryError):
    """The key file is absent, readable by others, no key, or not the key of this gallery. Nothing was opened."""


class GalleryInUse(GalleryError):
    """Another program writes to this gallery, or holds it open in the middle of a deletion."""


class GalleryRefused(GalleryError):
    """The database cannot be used as found: damaged, edited by another hand, of a newer release."""


class EnrolmentRefused(GalleryError):
    """The photo, the consent, the expiry or the template is not fit to be enrolled; nothing was written."""


class DuplicateSuspected(EnrolmentRefused):
    """The face scores above the threshold against somebody enrolled; `candidates` says whom, the best first."""

    def __init__(self, message: str, candidates: tuple[Candidate, ...]) -> None:
        super().__init__(message)
        self.candidates = candidates


class NoSuchSubject(GalleryError):
    """Nobody is enrolled under this id or label."""


class SubjectExpired(GalleryError):
    """The subject is enrolled and out of date."""


class ConsentMissing(GalleryError):
    """No complete consent is on record for the subject."""


class Ambiguous(GalleryError):
    """More than one subject passes the threshold: who this is remains undetermined."""


class TemplatesStale(GalleryError, TemplatesNotComparable):
    """There are templates of another recogniser only; `appliance gallery reenrol`."""


class TemplateRefused(GalleryError):
    """The vector says nothing: not finite, zero, not one-dimensional, or far from what the gallery holds."""
