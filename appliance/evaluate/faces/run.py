"""One run: templates of every image, comparisons by each protocol, figures. Not responsible for showing them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.clock import Clock
from appliance.evaluate.faces.dataset import FaceRule, FaceSet
from appliance.evaluate.faces.figures import Share, at_targets, det, k_folds, one_to_many, operating
from appliance.evaluate.faces.groups import Compared, left_out, tables
from appliance.evaluate.faces.outcome import Acquisition, Header, Outcome, Protocol, Section
from appliance.evaluate.faces.scores import (
    Ints,
    Scores,
    Searches,
    all_against_all,
    histogram,
    listed,
    of_pairs,
    prepared,
)
from appliance.evaluate.faces.templates import Got, Maker, Rules, RunFolder, Templates, View
from appliance.evaluate.masks import SMALLEST_EYES_PX
from appliance.face.masked import REFERENCE_METHOD
from appliance.face.masking import METHOD
from appliance.face.types import FacePack
from appliance.models.manager import pack_record

Step = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is, and how much there is."""


class CannotMeasure(Exception):
    """The data does not allow what was asked. The message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to measure. `protocol` None: every one the set allows; `face` None: as the set was made for.

    `genuine_per_person`: most genuine comparisons of one person among all against all (0: every one).
    """

    protocol: Protocol | None = None
    masked: bool = False
    flip: bool = False
    face: FaceRule | None = None
    least_eyes_px: float = SMALLEST_EYES_PX
    genuine_per_person: int = 45
    seed: int = 1


def protocols(faces: FaceSet, asked: Protocol | None) -> list[Protocol]:
    """What can be run on this set. Raises CannotMeasure."""
    allowed: list[Protocol] = [*(["pairs"] if faces.pairs else []), *(["all"] if faces.identified else [])]  # type: ignore[list-item]
    if asked is None:
        return allowed
    if asked not in allowed:
        why = "lists no pairs" if asked == "pairs" else "does not say who is on each image"
        raise CannotMeasure(f"{faces.name} {why}; --protocol {allowed[0]} can be measured on it")
    return [asked]


def run(
    pack: FacePack, faces: FaceSet, out: Path, options: Options, clock: Clock, step: Step = lambda *_: None
) -> Outcome:
    """Measure. Templates are kept in `out` and taken from there by the next run.

    Raises CannotMeasure, RunFolderError, DatasetError, TooManyScores.
    """
    if options.masked and options.flip:
        raise CannotMeasure("references for masked faces are made without mirror images; leave out --flip")
    asked = protocols(faces, options.protocol)
    digest = faces.digest(lambda done, of: step("reading files", done, of))
    rules = Rules(face=options.face or faces.face, least_eyes_px=options.least_eyes_px, seed=options.seed)
    record = pack_record(pack.pack_id)
    sha = record.template_sha256
    folder = RunFolder(
        out,
        {
            "pack_id": pack.pack_id,
            "recogniser_sha256": sha,
            "weights": [file.sha256 for file in record.files],
            "dataset_digest": digest,
            "images": len(faces.images),
            "face": rules.face,
            "least_eyes_px": rules.least_eyes_px,
            "masks": f"{METHOD}, seed {rules.seed}; {REFERENCE_METHOD}",
        },
    )
    maker = Maker(pack, sha, rules, clock)
    names: dict[View, str] = {"plain": "templates"}
    if options.masked:
        names = {"masked-reference": "references for masked images", "masked": "templates of masked images"}
    views = [
        maker.make(faces, folder, name, flip=options.flip, step=partial(step, words)) for name, words in names.items()
    ]
    if sum(views[-1].usable & views[0].usable) < 2:
        raise CannotMeasure("fewer than two images gave a template; the report would be empty")
    compare = _Comparing(pack, faces, views, options, step)
    sections = [compare.pairs() if protocol == "pairs" else compare.all() for protocol in asked]
    return Outcome(
        _header(pack, faces, digest, sha, rules, options, clock),
        tuple(acquisition(view, name) for view, name in zip(views, names, strict=True)),
        tuple(sections),
    )


def _header(
    pack: FacePack, faces: FaceSet, digest: str, sha: str, rules: Rules, options: Options, clock: Clock
) -> Header:
    return Header(
        pack_id=pack.pack_id,
        pack_title=pack.title,
        grade=pack.grade,
        recogniser_sha256=sha,
        metric=pack.metric,
        pack_threshold=threshold_of(pack, masked=options.masked),
        pack_threshold_source=pack.threshold_source,
        dataset=faces.name,
        dataset_kind=faces.kind,
        dataset_digest=digest,
        images=len(faces.images),
        subjects=faces.subjects,
        cut=faces.cut,
        notes=(*faces.notes, *(f"labels: column {name!r} is no grouping, left out" for name in left_out(faces))),
        face=rules.face,
        least_eyes_px=rules.least_eyes_px,
        flip=options.flip,
        masked=options.masked,
        mask_method=f"{METHOD}; reference: {REFERENCE_METHOD}" if options.masked else None,
        seed=rules.seed,
        genuine_per_person=options.genuine_per_person,
        software_version=version("sallyport"),
        date=clock.now().isoformat(timespec="seconds"),
    )


def acquisition(view: Templates, name: str) -> Acquisition:
    """Failures and times of one view."""
    counts = {got.name.lower(): int((view.got == got).sum()) for got in Got}
    unread = counts["missing"] + counts["broken"]
    read = len(view.got) - unread
    times = []
    for column in range(3):
        taken = view.seconds[:, column][view.seconds[:, column] > 0]
        times.append(1000 * float(np.median(taken)) if len(taken) else None)
    return Acquisition(
        name,
        counts,
        Share(unread, len(view.got)),
        Share(read - counts["template"], read),
        int(view.several.sum()),
        *times,
    )


def threshold_of(pack: FacePack, *, masked: bool) -> float:
    """The pack's threshold; with masks its own for them where it has one."""
    own = pack.masked_threshold if masked else None
    return pack.threshold if own is None else own


class _Comparing:
    """Comparisons of one run. With masks, probes wear one and references are made for such probes."""

    def __init__(self, pack: FacePack, faces: FaceSet, views: list[Templates], options: Options, step: Step) -> None:
        self._pack, self._faces, self._options, self._step = pack, faces, options, step
        self._vectors = [prepared(v.vectors, v.mirrored if options.flip else None, pack.metric) for v in views]
        self._usable = [view.usable for view in views]
        _, owner = np.unique([image.subject for image in faces.images], return_inverse=True)
        self._owner: Ints = owner.astype(np.int64)
        self._given = threshold_of(pack, masked=options.masked) * (1 if pack.metric == "cosine" else -1)

    def pairs(self) -> Section:
        faces, metric = self._faces, self._pack.metric
        a = np.array([pair.reference for pair in faces.pairs])
        b = np.array([pair.probe for pair in faces.pairs])
        same = np.array([pair.same for pair in faces.pairs], np.bool_)
        fold = np.array([pair.fold for pair in faces.pairs], np.int64)
        values = listed(self._vectors[0][a], self._vectors[-1][b], metric)
        done = self._usable[0][a] & self._usable[-1][b]
        values[~done] = np.nan
        subjects = np.stack([self._owner[a], self._owner[b]], axis=1)
        scores = of_pairs(values[done], same[done], subjects[done], metric)
        accepted = int((scores.genuine >= self._given).sum())
        genuine = int(same.sum())

        def within(chosen: NDArray[np.bool_]) -> Scores:
            both = done & chosen[a] & chosen[b]
            return of_pairs(values[both], same[both], subjects[both], metric)

        def tagged(group: str) -> Scores:
            both = done & np.array([pair.group == group for pair in faces.pairs])
            return of_pairs(values[both], same[both], subjects[both], metric)

        return self._section(
            "pairs",
            scores,
            lost=int((~done).sum()),
            generalised=1 - accepted / genuine if genuine else None,
            compared=Compared(within, tagged),
            folds=k_folds(values, same, fold),
        )

    def all(self) -> Section:
        usable = self._usable[0] & self._usable[-1]
        scores, searches = self._against(usable, lambda done, of: self._step("comparing", done, of))
        failed = [1 - float(found.mean()) for found in self._usable]
        accepted = float((scores.genuine >= self._given).mean()) if len(scores.genuine) else None
        everything = (1 - failed[0]) * (1 - failed[-1])
        one_to_n = one_to_many(searches, self._pack.metric, self._given, self._options.seed)
        return self._section(
            "all",
            scores,
            lost=0,
            generalised=None if accepted is None else 1 - everything * accepted,
            compared=Compared(lambda chosen: self._against(usable & chosen)[0], None),
            search=one_to_n,
        )

    def _against(
        self, chosen: NDArray[np.bool_], step: Callable[[int, int], None] = lambda *_: None
    ) -> tuple[Scores, Searches]:
        _, owner = np.unique(self._owner[chosen], return_inverse=True)
        return all_against_all(
            self._vectors[0][chosen],
            owner.astype(np.int64),
            self._pack.metric,
            probe=self._vectors[-1][chosen] if len(self._vectors) > 1 else None,
            genuine_each=self._options.genuine_per_person,
            step=step,
        )

    def _section(
        self,
        protocol: Protocol,
        scores: Scores,
        *,
        lost: int,
        generalised: float | None,
        compared: Compared,
        **more: object,
    ) -> Section:
        seed = self._options.seed
        points = tuple(at_targets(scores, seed))
        given = operating(scores, self._given, None, np.random.default_rng(seed))
        return Section(
            protocol=protocol,
            genuine=len(scores.genuine),
            impostors=scores.impostors,
            subjects=self._people(),
            not_compared=lost,
            points=points,
            given=given,
            generalised_fnmr=generalised,
            det=det(scores),
            genuine_counts=histogram(scores.genuine, scores.metric),
            impostor_counts=scores.counts,
            groups=tables(self._faces, self._usable[-1], compared, points, given, seed),
            **more,  # type: ignore[arg-type]  # folds or search
        )

    def _people(self) -> int:
        return len(np.unique(self._owner[self._usable[0] & self._usable[-1]]))
