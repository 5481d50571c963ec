"""What the matcher says of every tested presentation, for the figures of the full system (IAPAR).

An attack is compared with the person its instrument shows, a bona fide presentation with another one of the same
person. Where the data set holds no such picture, nothing is compared. Not responsible for the detector.
"""

from collections.abc import Sequence

from appliance.evaluate.dataset import Dataset, Record
from appliance.evaluate.extraction import Progress
from appliance.evaluate.species import BONA_FIDE
from appliance.face.types import FacePack, FailureToAcquire, Template


def compare_all(
    pack: FacePack, dataset: Dataset, records: Sequence[Record], progress: Progress = lambda *_: None
) -> dict[str, bool]:
    """Whether the matcher accepts, by record id. A face that gives no template is not accepted."""
    templates: dict[str, Template | None] = {}

    def template(record: Record) -> Template | None:
        if record.id not in templates:
            templates[record.id] = _template(pack, dataset, record)
        return templates[record.id]

    found = {}
    for number, record in enumerate(records, 1):
        progress(number, len(records))
        reference = next((other for other in references(dataset, record) if template(other) is not None), None)
        if reference is None:
            continue
        probe, kept = template(record), template(reference)
        found[record.id] = probe is not None and kept is not None and pack.compare(kept, probe).accepted
    return found


def references(dataset: Dataset, record: Record) -> list[Record]:
    """Bona fide presentations of the person this presentation should be taken for, other than itself."""
    who = record.subject if record.species == BONA_FIDE else record.instrument_of
    return [
        other
        for other in dataset.records
        if other.species == BONA_FIDE
        and other.subject == who
        and other.id != record.id
        and "sweep" not in other.conditions
    ]


def _template(pack: FacePack, dataset: Dataset, record: Record) -> Template | None:
    picture = dataset.load(record).rgb
    faces = pack.detect(picture)
    if not faces:
        return None
    try:
        return pack.embed(picture, faces[0])
    except FailureToAcquire:
        return None
