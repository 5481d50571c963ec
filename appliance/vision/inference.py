"""Detector and recogniser at work on one passage while frames still come, and what is known of that passage.

Not responsible for cameras, nor for which view is better (`bestshot`).
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from appliance.clock import Clock
from appliance.face.types import DetectedFace, Image, Template
from appliance.liveness.assess import LivenessReport
from appliance.liveness.burst import Capture
from appliance.vision import bestshot
from appliance.vision.bestshot import View
from appliance.vision.cameras import Shots
from appliance.vision.matcher import Matcher, Reference, Seen

CHANGED = "The face changed during the capture."


@dataclass
class Passage:
    """What is known of the passage under way. Forgotten as a whole.

    `middle` is the view that the liveness check judges, `chosen` the one that is compared; `inference_s` is what
    detector and recogniser took for that one.
    """

    reference: Reference = field(default_factory=Reference)
    shots: Shots | None = None
    captured_at: float = 0.0
    views: list[View] = field(default_factory=list)
    middle: View | None = None
    chosen: View | None = None
    probe: Template | str = "No live face was captured."
    inference_s: float = 0.0
    capture: Capture | None = None
    liveness: LivenessReport | None = None

    @property
    def faces(self) -> list[DetectedFace]:
        """Those in the frame of the liveness check, the largest first."""
        return self.middle.faces if self.middle is not None else []

    @property
    def masked(self) -> bool:
        """The face of the liveness check wears a medical mask, and the site verifies such."""
        return self.middle is not None and self.middle.seen is not None and self.middle.seen.masked

    @property
    def seen(self) -> Seen | None:
        """How good the view is that is compared."""
        return self.chosen.seen if self.chosen is not None else None


class Inference:
    """One thread looks, one makes templates: neither network is asked twice at once.

    The middle frame's template is made at once, as most often it stays the best; each passage's results are waited for
    before anything else is asked.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looker = ThreadPoolExecutor(1, thread_name_prefix="detector")
        self._recogniser = ThreadPoolExecutor(1, thread_name_prefix="recogniser")
        self._middle: Future[None] | None = None
        self._looks: list[Future[None]] = []
        self._templates: list[Future[None]] = []

    def look(self, matcher: Matcher, passage: Passage, image: Image, *, middle: bool) -> None:
        """Begin to look at a visible frame; `middle` is the one of the liveness check."""
        job = self._looker.submit(self._look, matcher, passage, image, middle=middle)
        self._looks.append(job)
        if middle:
            self._middle = job

    def choose(self, matcher: Matcher, passage: Passage) -> None:
        """No further frame comes: take the best of them."""
        self._looks.append(self._looker.submit(self._choose, matcher, passage))

    def detected(self) -> None:
        """Wait for the look at the middle frame; what it raised is raised here."""
        middle, self._middle = self._middle, None
        if middle is not None:
            middle.result()

    def settle(self) -> None:
        """Wait for all looks and templates; what they raised is raised here."""
        self.detected()
        while self._looks:
            self._looks.pop(0).result()
        while self._templates:
            self._templates.pop(0).result()

    def end(self) -> None:
        """Nothing is asked any more."""
        self._looker.shutdown()
        self._recogniser.shutdown()

    def _look(self, matcher: Matcher, passage: Passage, image: Image, *, middle: bool) -> None:
        begun = self._clock.monotonic()
        faces = matcher.pack.detect(image)
        took_s = self._clock.monotonic() - begun
        if middle:
            passage.inference_s = took_s
        if middle and faces:
            self._templates.append(self._recogniser.submit(self._first, matcher, passage, image, faces[0]))
        # The networks of quality are the dearest by far: a further frame is shown to them only once chosen.
        seen = matcher.look(image, faces, networks=middle) if faces else None
        view = View(image, faces, seen, took_s)
        passage.views.append(view)
        if middle:
            passage.middle = passage.chosen = view

    def _choose(self, matcher: Matcher, passage: Passage) -> None:
        if passage.middle is None:
            return
        found = bestshot.better(passage.middle, passage.views)
        if found is None:
            return
        judged = replace(found, seen=matcher.look(found.image, found.faces))
        if bestshot.better(passage.middle, [judged]) is not None:
            self._templates.append(self._recogniser.submit(self._instead, matcher, passage, judged))

    def _first(self, matcher: Matcher, passage: Passage, image: Image, face: DetectedFace) -> None:
        begun = self._clock.monotonic()
        passage.probe = matcher.template(image, face, "the live face")
        passage.inference_s += self._clock.monotonic() - begun

    def _instead(self, matcher: Matcher, passage: Passage, view: View) -> None:
        """Compare this view, if it shows whom the middle frame shows: liveness was judged on that one."""
        begun = self._clock.monotonic()
        probe = matcher.template(view.image, view.faces[0], "the live face")
        took_s = view.took_s + self._clock.monotonic() - begun
        if isinstance(passage.probe, str) or isinstance(probe, str):
            return
        if not matcher.pack.compare(passage.probe, probe).accepted:
            passage.probe = CHANGED
            return
        passage.probe, passage.chosen, passage.inference_s = probe, view, took_s
