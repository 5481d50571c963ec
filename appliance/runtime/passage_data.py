"""What is held in memory of the passage under way, for the guard's eyes. Never on disk; forgotten as a whole."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from appliance.control.messages import AttemptView, CheckView, DocumentView, ImageView, InspectionView
from appliance.core.phases import Phase, Referred
from appliance.core.types import Advice, Check, InspectionStep, Outcome, Result
from appliance.document.inspection import Inspection
from appliance.document.judge import Judged
from appliance.document.mrz import Mrz
from appliance.document.reasons import VERDICTS

_ORDER = {Result.FAILED: 0, Result.UNDETERMINED: 1, Result.ABORTED: 2, Result.NOT_PERFORMED: 3, Result.SUCCESSFUL: 4}


@dataclass(frozen=True, slots=True)
class Picture:
    """One encoded image with what the console needs to place it."""

    data: bytes
    media_type: str
    label: str
    version: int
    eyes: tuple[float, float, float, float] | None


@dataclass(slots=True)
class PassageData:
    """One passage as the guard sees it. `earlier` are the attempts that an officer had done again: when each was
    decided, and its checks. `advice` is what the last reading of the document left to do better."""

    passage_id: str
    started: datetime
    document: DocumentView | None = None
    enrolled_as: str = ""
    advice: Advice | None = None
    checks: tuple[Check, ...] = ()
    irregularities: tuple[str, ...] = ()
    pictures: dict[str, Picture] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    outcome: Outcome | None = None
    earlier: list[tuple[datetime, tuple[Check, ...]]] = field(default_factory=list)
    referred_since: datetime | None = None
    seen_since: datetime | None = None
    held_since: datetime | None = None
    forgotten: bool = False

    def claimed(self, judged: Judged) -> None:
        """What the last reading was judged to be, in place of the one before."""
        self.document = document_view(judged.mrz, judged.inspection) if judged.mrz else None
        self.enrolled_as, self.advice = judged.enrolled_as, judged.advice
        if judged.photo is not None:
            photo, eyes = judged.photo
            self.show("portrait", photo, "image/jpeg", label="from the gallery", eyes=eyes)

    def show(self, channel: str, data: bytes, media_type: str, *, label: str, eyes: list[float] | None = None) -> None:
        """Add or replace a picture; its version grows. One that comes after `forget` is dropped."""
        if self.forgotten:
            return
        version = self.versions[channel] = self.versions.get(channel, 0) + 1
        four = (eyes[0], eyes[1], eyes[2], eyes[3]) if eyes else None
        self.pictures[channel] = Picture(data, media_type, label, version, four)

    def tell(self, irregularities: Iterable[str]) -> None:
        """What the guard should know of the reference portrait. Dropped after `forget`, as a picture is."""
        if not self.forgotten:
            self.irregularities = tuple(irregularities)

    def follow(self, before: Phase, after: Phase, now: datetime) -> None:
        """Note when it was referred, acknowledged and held."""
        if not isinstance(after, Referred):
            return
        was = before if isinstance(before, Referred) else Referred(after.passage_id, after.decision, after.inside)
        if was is not before:
            self.referred_since = now
        if after.seen_by != was.seen_by:
            self.seen_since = now
        if after.held_by != was.held_by:
            self.held_since = now

    def again(self) -> None:
        """A verification begins: what the one before found, if there was one, is an earlier attempt.

        Its pictures go: beside the next checks they would show what those did not judge.
        """
        if self.checks and self.referred_since is not None:
            self.earlier.append((self.referred_since, self.checks))
            self.checks = ()
            self.pictures = {channel: seen for channel, seen in self.pictures.items() if channel == "portrait"}

    def forget(self) -> None:
        """Drop every image and what the document says; the checks and the outcome name nobody."""
        self.forgotten = True
        self.pictures.clear()
        self.document, self.enrolled_as = None, ""
        self.irregularities = ()

    def check_views(self) -> tuple[CheckView, ...]:
        """Failing checks first."""
        return _views(self.checks)

    def attempt_views(self) -> tuple[AttemptView, ...]:
        """Earlier attempts, oldest first."""
        return tuple(AttemptView(decided=decided, checks=_views(checks)) for decided, checks in self.earlier)

    def image_views(self) -> tuple[ImageView, ...]:
        """What can be fetched."""
        return tuple(
            ImageView(channel=channel, version=picture.version, label=picture.label, eyes=picture.eyes)
            for channel, picture in self.pictures.items()
        )


def _views(checks: tuple[Check, ...]) -> tuple[CheckView, ...]:
    ordered = sorted(checks, key=lambda check: _ORDER[check.result])
    return tuple(CheckView(name=c.name, result=c.result, reason=c.reason, detail=c.detail) for c in ordered)


def document_view(mrz: Mrz, inspection: Inspection | None) -> DocumentView:
    """The document for the guard's screen, with every step of its inspection."""
    steps = () if inspection is None else tuple(_step(inspection, step) for step in InspectionStep)
    return DocumentView(
        document_type=mrz.document_type,
        issuing_state=mrz.issuing_state,
        document_number=mrz.document_number,
        surname=mrz.surname,
        given_names=mrz.given_names,
        nationality=mrz.nationality,
        date_of_birth=mrz.date_of_birth,
        sex=mrz.sex,
        date_of_expiry=mrz.date_of_expiry,
        inspection=steps,
    )


def _step(inspection: Inspection, step: InspectionStep) -> InspectionView:
    words = tuple(VERDICTS[reason].words for reason in inspection.reasons(step))
    return InspectionView(step=step, result=inspection.result(step), reasons=words)
