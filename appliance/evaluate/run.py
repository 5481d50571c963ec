"""Running a detector over a data set: who teaches it, who judges what, and one row of outcome a presentation.

Leave-one-species-out: attacks of a species are judged by a detector that has never seen that species; bona fide
presentations by the one that knows all species, and their error rate under each of the others is kept beside it.
Thresholds come from bona fide presentations of the training site alone. Not responsible for figures made of the rows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from appliance.clock import Clock
from appliance.core.types import Result
from appliance.evaluate.dataset import Dataset, Record
from appliance.evaluate.extraction import Extraction, Measured
from appliance.evaluate.outcome import Outcome, Protocol, RunHeader, Stated, covered, finite
from appliance.evaluate.species import BONA_FIDE
from appliance.evaluate.system import Figures, Judge, Known, Lessons, System, Verdict
from appliance.liveness.channels import band_set

STANDARD = (
    "rgb",
    "rgb+850",
    "rgb+850+940",
    "rgb+850+940+970",
    "rgb+850+940+970+1050+1300+1550",
)
"""Band sets that are evaluated when none is asked for, as far as the data has them."""

Step = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is, and how much there is."""


class CannotEvaluate(Exception):
    """The data does not allow what was asked. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to find out: `train` is None only for the shipped detector."""

    test: Dataset
    train: Dataset | None
    protocol: Protocol
    band_set: str


def standard_sets(dataset: Dataset) -> list[str]:
    """The standard band sets a data set has every channel of."""
    have = set(dataset.header.channels)
    return [name for name in STANDARD if set(name.split("+")) - {"rgb"} <= have]


def check(question: Question) -> None:
    """Whether the question can be asked of this data at all. Raises CannotEvaluate."""
    if (question.train is None) != (question.protocol == "shipped"):
        raise CannotEvaluate("name a training set with --train, or take the shipped detector with --shipped")
    try:
        named = band_set(question.band_set.split("+"))
    except ValueError as error:
        raise CannotEvaluate(str(error)) from error
    if named != question.band_set:
        raise CannotEvaluate(f"{question.band_set!r} is not the name of a band set; {named!r} would be")
    for data in (question.test, *([question.train] if question.train else [])):
        if absent := [name for name in named.split("+")[1:] if name not in data.header.channels]:
            raise CannotEvaluate(f"{data.folder} has no channel {', '.join(absent)}; it has {band_name(data)}")
    if not under_test(question.test):
        raise CannotEvaluate(f"{question.test.folder} has no presentation of the split 'test'")
    if question.train is not None and question.train.header.name == question.test.header.name:
        taught = {record.subject for record in question.train.records if record.split != "test" and _genuine(record)}
        if shared := sorted(taught & {record.subject for record in under_test(question.test) if _genuine(record)}):
            raise CannotEvaluate(f"subjects {', '.join(shared[:5])} stand in the training and in the test part")


def band_name(dataset: Dataset) -> str:
    """Everything a data set has, as the name of a band set."""
    return band_set(dataset.header.channels)


def under_test(dataset: Dataset) -> list[Record]:
    """The presentations the figures are made of."""
    return [record for record in dataset.records if record.split == "test"]


def _genuine(record: Record) -> bool:
    return record.species == BONA_FIDE


class Evaluation:
    """Answers questions with one system, one matcher pack's detector of faces, and one clock."""

    def __init__(self, system: System, extraction: Extraction, clock: Clock, step: Step = lambda *_: None) -> None:
        self._system, self._extraction, self._clock, self._step = system, extraction, clock, step

    def run(
        self, question: Question, compared: Mapping[str, bool] | None = None, matcher: str | None = None
    ) -> tuple[RunHeader, list[Outcome]]:
        """Rows of every tested presentation. `compared` is what the matcher said, by record id.

        Raises CannotEvaluate, CannotLearn, DatasetError.
        """
        check(question)
        records = under_test(question.test)
        measured = self._measure(question.test, records, question.band_set)
        taught = self._teach(question.train, question.band_set) if question.train is not None else None
        judge = self._judge(taught, question.band_set, without=None)
        folds: dict[str, Judge] = {}
        if question.protocol == "leave-one-species-out":
            assert taught is not None
            folds = self._folds(taught, question.band_set, records, judge)
        rows = []
        for record in records:
            one = folds.get(record.species, judge)
            rows.append(self._row(record, measured[record.id], one, question.band_set, (compared or {}).get(record.id)))
        header = self._header(question, judge, measured, folds)
        return header.model_copy(update={"stated": self._stated(question, judge), "matcher": matcher}), rows

    def learn(self, train: Dataset, bands: str) -> Judge:
        """A detector of all species a training set has. Raises CannotEvaluate, CannotLearn, DatasetError."""
        if absent := [name for name in bands.split("+")[1:] if name not in train.header.channels]:
            raise CannotEvaluate(f"{train.folder} has no channel {', '.join(absent)}; it has {band_name(train)}")
        return self._judge(self._teach(train, bands), bands, without=None)

    def _measure(self, dataset: Dataset, records: Sequence[Record], bands: str) -> dict[str, Measured]:
        what = f"{bands}: measuring {dataset.header.name}"
        return self._extraction.measure(dataset, records, bands, lambda done, of: self._step(what, done, of))

    def _teach(self, train: Dataset, bands: str) -> Lessons:
        """All lessons of a training set. Presentations that could not be measured teach nothing."""
        records = [record for record in train.records if record.split in ("train", "site")]
        if not records:
            raise CannotEvaluate(f"{train.folder} has no presentation of the split 'train'")
        measured = self._measure(train, records, bands)
        samples, site = [], []
        for record in records:
            figures = measured[record.id].figures
            if figures is None:
                continue
            if record.split == "train":
                samples.append(Known(figures, record.species, covered(record.groups)))
            elif record.species == BONA_FIDE and not covered(record.groups):
                site.append(figures)
        return Lessons(samples, site, train.header.kind, train.header.name)

    def _judge(self, lessons: Lessons | None, bands: str, without: str | None) -> Judge:
        if lessons is None:
            return self._system.shipped(bands)
        samples = [known for known in lessons.samples if known.species != without]
        return self._system.learn(Lessons(samples, lessons.site, lessons.kind, lessons.learned_on), bands)

    def _folds(self, lessons: Lessons, bands: str, records: Iterable[Record], all_known: Judge) -> dict[str, Judge]:
        """A detector for each tested species that has not seen it."""
        species = sorted({record.species for record in records} - {BONA_FIDE})
        taught = {known.species for known in lessons.samples}
        folds = {}
        for number, name in enumerate(species, 1):
            self._step(f"{bands}: learning without {name}", number, len(species))
            folds[name] = self._judge(lessons, bands, without=name) if name in taught else all_known
        return folds

    def _stated(self, question: Question, judge: Judge) -> Stated | None:
        """Bona fide presentations of the training set that taught nothing: what the threshold promises there."""
        train = question.train
        if train is None or train.header.name == question.test.header.name:
            return None
        records = [record for record in under_test(train) if record.species == BONA_FIDE and not covered(record.groups)]
        measured = self._measure(train, records, question.band_set)
        results = [judge.judge(found.figures).result for found in measured.values() if found.figures is not None]
        return Stated(
            n=len(results),
            failed=results.count(Result.FAILED),
            undetermined=results.count(Result.UNDETERMINED),
            site=train.header.name,
        )

    def _header(
        self, question: Question, judge: Judge, measured: Mapping[str, Measured], folds: Mapping[str, Judge]
    ) -> RunHeader:
        test = question.test.header
        genuine: list[Figures] = []
        for record in under_test(question.test):
            figures = measured[record.id].figures
            if record.species == BONA_FIDE and figures is not None and not covered(record.groups):
                genuine.append(figures)
        return RunHeader(
            kind=test.kind,
            dataset=test.name,
            source=test.source,
            band_set=question.band_set,
            protocol=question.protocol,
            detector=judge.version,
            made_at=self._clock.now().isoformat(timespec="seconds"),
            train_set=question.train.header.name if question.train else None,
            fold_bpcer={name: _refused(fold, genuine) for name, fold in folds.items() if genuine},
        )

    def _row(self, record: Record, found: Measured, judge: Judge, bands: str, compared: bool | None) -> Outcome:
        verdict = Verdict(Result.NOT_PERFORMED, reasons=(found.reason,))
        shown: dict[str, float] = {}
        begun = self._clock.monotonic()
        if found.figures is not None:
            verdict = judge.judge(found.figures)
            names = self._system.shown(bands)
            shown = finite({name: found.figures.values[name] for name in names if name in found.figures.values})
        return Outcome(
            record=record.id,
            species=record.species,
            subject=record.subject,
            result=verdict.result,
            reason=" ".join(verdict.reasons),
            score=verdict.score,
            threshold=verdict.threshold,
            one_class=verdict.one_class,
            seconds=round(found.seconds + self._clock.monotonic() - begun, 4),
            compared=compared,
            groups=record.groups,
            conditions=record.conditions,
            shown=shown,
        )


def _refused(judge: Judge, genuine: Sequence[Figures]) -> float:
    results = [judge.judge(figures).result for figures in genuine]
    return round(results.count(Result.FAILED) / len(results), 4)
