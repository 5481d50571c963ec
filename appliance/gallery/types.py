"""Values of the gallery. None of them holds a name or an image."""

import json
import math
import re
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from appliance.face.types import Metric, Template, TemplatesNotComparable
from appliance.gallery.errors import Ambiguous, ConsentMissing, EnrolmentRefused, SubjectExpired, TemplateRefused

_LEAST_NORM = 1e-6
_MOST_DIMS = 4096
# Of l2 vectors, as they are, float32 must tell distances apart to the slack of `search`.
_MOST_NORM: dict[Metric, float] = {"cosine": 1e6, "l2": 100.0}
MOST_QUALITY_TEXT = 2000
MOST_PHOTO_BYTES = 20_000_000
SUBJECT_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Recogniser:
    """Who made a template. `sha256` is `Template.recogniser_sha256`; scores of different ones say nothing together."""

    pack_id: str
    sha256: str
    metric: Metric

    def for_masks(self) -> "Recogniser":
        """Who makes references for probes in medical masks (`appliance.face.masked`): nothing else is compared."""
        from appliance.face.masked import masked_sha256  # brings OpenCV, which a list of subjects does not need

        return replace(self, sha256=masked_sha256(self.sha256))

    def vector(self, template: Template) -> NDArray[np.float32]:
        """The template's vector as a gallery keeps it, float32[d]: unit length for cosine, as it is for l2.

        An l2 threshold was measured on the vectors as the pack makes them; scaling would move it. Raises
        TemplatesNotComparable (another recogniser made it), TemplateRefused (not one-dimensional, zero, not finite).
        """
        if (template.pack_id, template.recogniser_sha256) != (self.pack_id, self.sha256):
            raise TemplatesNotComparable(
                f"the gallery works with pack {self.pack_id} ({self.sha256[:12]}), the template is of "
                f"{template.pack_id} ({template.recogniser_sha256[:12]}); take the probe again"
            )
        vector = np.asarray(template.vector)
        if vector.ndim != 1 or not 2 <= vector.size <= _MOST_DIMS or vector.dtype.kind != "f":
            raise TemplateRefused(f"a template is a float vector of 2 to {_MOST_DIMS} values, not {vector.shape}")
        wide = vector.astype(np.float64)
        norm = float(np.linalg.norm(wide))
        if not _LEAST_NORM < norm < _MOST_NORM[self.metric]:  # NaN is not
            raise TemplateRefused("the template is zero, too long or not finite; take the photo again")
        return (wide / norm if self.metric == "cosine" else wide).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Consent:
    """Who recorded the consent (an operator, not the subject), when (UTC), to which version of which text, what for.

    GDPR Art. 7(1): the controller must be able to demonstrate consent; Art. 9(2)(a): it names the purpose.
    """

    recorded_by: str
    at: datetime
    text_version: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Subject:
    """One enrolled person. `subject_id` is random and means nothing; `label` is the operator's pseudonym.

    Usable up to, and not at, `valid_until` (UTC). `template_count` is of every recogniser, `photo_count` of kept ones.
    """

    subject_id: str
    label: str
    consent: Consent
    valid_until: datetime
    created: datetime
    template_count: int = 0
    photo_count: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A subject whose best template passed the caller's threshold, with that template's score."""

    subject_id: str
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Candidates, the best first, and how many subjects stood behind the answer.

    `compared` subjects had a comparable template and were in date; `expired` were not in date; `stale` have templates
    of another recogniser only, so that no probe can find them.
    """

    candidates: tuple[Candidate, ...]
    compared: int
    expired: int
    stale: int


@dataclass(frozen=True, slots=True)
class Erased:
    """One thing that was erased: `kind` is `data key`, `template` or `photo`; `sha256` is over its encrypted bytes."""

    kind: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class DeletionCertificate:
    """What a deletion can show. It holds no biometric: hashes are of ciphertexts whose key is gone.

    `matches_before` are pieces of the subject's encrypted bytes found in the files before (a scan that found none would
    prove nothing), `remaining_matches` those found after, -1 when the deletion was cut short before anybody looked.
    `files_scanned` maps file names to bytes read.
    """

    gallery_id: str
    subject_id: str
    deleted_at: str
    deleted_by: str
    reason: str
    erased: tuple[Erased, ...]
    matches_before: int
    remaining_matches: int
    files_scanned: dict[str, int] = field(default_factory=dict)

    @property
    def proven(self) -> bool:
        """Pieces were seen before, so that the scan can see them, and none is left."""
        return self.matches_before > 0 and self.remaining_matches == 0

    def to_json(self) -> str:
        """One line of JSON with sorted keys."""
        return json.dumps({**asdict(self), "proven": self.proven}, sort_keys=True)


def checked_text(name: str, text: str, most: int = 200) -> str:
    """Printable text of 1 to `most` characters. Raises EnrolmentRefused."""
    if not isinstance(text, str) or not text.strip() or len(text) > most or not text.isprintable():
        raise EnrolmentRefused(f"{name} is missing, longer than {most} characters or not printable")
    return text


def checked_label(label: str) -> str:
    """Text that cannot be taken for a subject id. Raises EnrolmentRefused."""
    if SUBJECT_ID.fullmatch(label):
        raise EnrolmentRefused("a label must not look like a subject id (32 hexadecimal digits)")
    return checked_text("the label", label)


def checked_threshold(threshold: float) -> float:
    """A finite number: NaN would compare with nobody, infinity with everybody. Raises ValueError."""
    if not math.isfinite(threshold):
        raise ValueError(f"a threshold is a finite number, not {threshold}")
    return threshold


def checked_consent(consent: Consent, now: datetime) -> Consent:
    """A complete consent, not of the future. Raises EnrolmentRefused."""
    for name in ("recorded_by", "text_version", "purpose"):
        checked_text(f"the consent's {name}", getattr(consent, name))
    if consent.at.utcoffset() != timedelta(0):
        raise EnrolmentRefused("the consent's time must be UTC")
    if consent.at > now:
        raise EnrolmentRefused(f"the consent is dated {consent.at.isoformat()}, after now ({now.isoformat()})")
    return consent


def checked_expiry(valid_until: datetime, now: datetime) -> datetime:
    """A UTC time after now. Raises EnrolmentRefused."""
    if valid_until.utcoffset() != timedelta(0):
        raise EnrolmentRefused("valid_until must be UTC")
    if valid_until <= now:
        raise EnrolmentRefused(f"valid_until {valid_until.isoformat()} is not after now ({now.isoformat()})")
    return valid_until


def usable(subject: Subject, now: datetime) -> Subject:
    """The subject, if in date and with a complete consent. Raises SubjectExpired, ConsentMissing."""
    if subject.valid_until <= now:
        raise SubjectExpired(f"{subject.label!r} was enrolled until {subject.valid_until.isoformat()}; enrol again")
    try:
        checked_consent(subject.consent, now)
    except EnrolmentRefused as error:
        raise ConsentMissing(f"{subject.label!r} has no consent on record ({error}); delete or enrol again") from error
    return subject


def only_one(found: SearchResult) -> Candidate | None:
    """The one who passed, or None. Raises Ambiguous when several did: the best of them may be the wrong one."""
    if len(found.candidates) > 1:
        raise Ambiguous("more than one enrolled subject passes the threshold; a guard must look")
    return found.candidates[0] if found.candidates else None
