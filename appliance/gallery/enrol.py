"""From a photo to an enrolled subject, and again after the recogniser has changed.

Not responsible for how templates are kept (`store`). The quality floor is a hook: the default is the one of the lane's
own camera, whose limits are first choices (`appliance.face.quality`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from appliance.face.types import DetectedFace, FacePack, FailureToAcquire, Image, Template, TemplatesNotComparable
from appliance.gallery.errors import DuplicateSuspected, EnrolmentRefused, GalleryError, TemplateRefused, TemplatesStale
from appliance.gallery.photo import decode
from appliance.gallery.store import Gallery
from appliance.gallery.types import Candidate, Consent, Recogniser, Subject
from appliance.models.manager import pack_record


@dataclass(frozen=True, slots=True)
class Quality:
    """`figures` are kept with the template; `fault` says why the face is not good enough, None when it is."""

    figures: str
    fault: str | None = None


QualityFloor = Callable[[Image, DetectedFace], Quality]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The new subject, whom it resembles (only with `allow_duplicate`), and how many it could not be compared with."""

    subject: Subject
    resembles: tuple[Candidate, ...]
    not_compared: int


@dataclass(frozen=True, slots=True)
class Reenrolled:
    """Progress of `reenrol`: subject `done` of `total`; `problem` says why it stays stale, None when it does not."""

    done: int
    total: int
    subject_id: str
    label: str
    problem: str | None


def recogniser_of(pack_id: str) -> Recogniser:
    """The recogniser of a pack of the catalogue. Raises appliance.models.manager.ModelError."""
    record = pack_record(pack_id)
    return Recogniser(record.pack_id, record.template_sha256, record.metric)


def lane_quality(image_bgr: Image, face: DetectedFace) -> Quality:
    """The floor of the lane's camera: eyes 60 px apart, face turned little, lit and sharp."""
    # OpenCV takes a moment to load and a search needs none of it.
    from appliance.face.quality import assess

    found = assess(image_bgr, [face])
    return Quality(found.figures, None if found.advice is None else found.advice.name.lower().replace("_", " "))


Acquired = list[tuple[Template, str]]
"""Templates with their quality, the one for bare faces first."""


def acquire(pack: FacePack, photo: bytes, floor: QualityFloor = lane_quality) -> Acquired:
    """From a JPEG or PNG with exactly one face, however small another may be. With a pack that compares masked faces
    there is a second template for those. Raises EnrolmentRefused.
    """
    image = decode(photo)
    try:
        faces = pack.detect(image)
        if len(faces) != 1:
            raise EnrolmentRefused(f"the photo shows {len(faces) or 'no'} faces; exactly one is needed")
        quality = floor(image, faces[0])
        if quality.fault is not None:
            raise EnrolmentRefused(f"the photo is not good enough ({quality.fault}; {quality.figures}); take it again")
        bare = pack.embed(image, faces[0])
        made = [(bare, quality.figures)]
        if pack.masked_threshold is not None:
            from appliance.face.masked import masked_reference  # OpenCV again

            made.append((masked_reference(pack, image, faces[0], bare).template, quality.figures))
        return made
    except (FailureToAcquire, ValueError) as error:
        raise EnrolmentRefused(f"no template can be made of the photo: {error}; take it again") from error


def enrol(
    gallery: Gallery,
    pack: FacePack,
    photo: bytes,
    *,
    label: str,
    consent: Consent,
    valid_until: datetime,
    keep_photo: bool = False,
    allow_duplicate: bool = False,
    duplicate_threshold: float | None = None,
    floor: QualityFloor = lane_quality,
) -> Enrolment:
    """Enrol one person. The photo is kept, encrypted, only with `keep_photo`; else it is forgotten on return.

    First looks for the face among everybody in date; `duplicate_threshold` defaults to the pack's own, which suits 1:1
    and alarms often in a large gallery. Raises DuplicateSuspected, EnrolmentRefused, and what `Gallery.add` raises.
    """
    templates = acquire(pack, photo, floor)
    threshold = pack.threshold if duplicate_threshold is None else duplicate_threshold
    resembles, not_compared = _look_for(gallery, templates[0][0], threshold)
    if resembles and not allow_duplicate:
        names = ", ".join(f"{one.label} ({one.score:.3f})" for one in resembles)
        raise DuplicateSuspected(
            f"this face resembles {names}: is the person enrolled already? If not, repeat with --allow-duplicate.",
            resembles,
        )
    subject = gallery.add(
        label=label,
        consent=consent,
        valid_until=valid_until,
        templates=templates,
        photo=photo if keep_photo else None,
    )
    return Enrolment(subject, resembles, not_compared)


def reenrol(gallery: Gallery, pack: FacePack, floor: QualityFloor = lane_quality) -> Iterator[Reenrolled]:
    """Make templates of the recogniser in use from kept photos, one subject after the other.

    Each subject is one transaction, so a run that was stopped goes on where it was: call it again. Old templates go
    in the same transaction. A subject without a usable photo stays stale and is reported.
    """
    waiting = gallery.stale()
    changed = False
    try:
        for done, subject in enumerate(waiting, 1):
            problem = None
            try:
                photos = gallery.photos(subject.subject_id)
                if not photos:
                    raise EnrolmentRefused("no photo was kept; ask for a new one")
                gallery.replace_templates(subject.subject_id, _first(pack, photos, floor))
                changed = True
            except (GalleryError, TemplatesNotComparable) as error:
                problem = str(error)
            yield Reenrolled(done, len(waiting), subject.subject_id, subject.label, problem)
    finally:
        if changed:
            gallery.compact()


def _first(pack: FacePack, photos: list[bytes], floor: QualityFloor) -> Acquired:
    refusals = []
    for photo in photos:
        try:
            return acquire(pack, photo, floor)
        except EnrolmentRefused as error:
            refusals.append(str(error))
    raise EnrolmentRefused("; ".join(refusals))


def _look_for(gallery: Gallery, template: Template, threshold: float) -> tuple[tuple[Candidate, ...], int]:
    try:
        found = gallery.search(template, threshold=threshold)
    except TemplatesStale:
        return (), len(gallery.stale())  # nobody has a template of this recogniser yet
    except TemplateRefused as error:
        raise EnrolmentRefused(str(error)) from error
    return found.candidates, found.stale
