"""The operations of the vision process: what can be asked of it, one method each.

It owns the cameras and the weights and keeps the frames of the passage under way in memory, nowhere else.
It decides nothing: it measures, and says what it measured as checks. Not responsible for the socket (`worker`).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np

from appliance.camera_config import CamerasConfig
from appliance.clock import SystemClock
from appliance.config import ConfigError
from appliance.core.types import Advice
from appliance.face.quality import assess_portrait, others
from appliance.face.types import DetectedFace
from appliance.gallery.errors import EnrolmentRefused, GalleryError
from appliance.gallery.photo import decode
from appliance.liveness.burst import Capture, GreyPatch
from appliance.liveness.calibration import Calibration, compare
from appliance.liveness.detector import DetectorError
from appliance.liveness.reading import Finding, Reading, read
from appliance.models.manager import ModelError
from appliance.vision import bestshot, focus, stills, verdict
from appliance.vision.cameras import Cameras
from appliance.vision.inference import Inference, Passage
from appliance.vision.judge import Judge, SecondOpinion, judge_of, shadow_of, upper_of
from appliance.vision.matcher import ALLOW, Matcher, Reference
from appliance.vision.metering import next_gain
from appliance.vision.steady import FRAMES, steady
from appliance.wire import Message
from drivers.ports import Frame


class Refused(Exception):
    """The request cannot be carried out; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What the controller has told at the start: LEDs by camera, grey references, share of drift, and the judges."""

    leds: Mapping[str, tuple[str, ...]]
    patches: Mapping[str, GreyPatch]
    drift: float
    judge: Judge
    shadow: SecondOpinion | None


class Worker:
    """Cameras, matcher and the passage under way."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._matcher: Matcher | None = None
        self._cameras: Cameras | None = None
        self._setup: Setup | None = None
        self._calibration: Calibration | None = None
        self._passage = Passage()
        self._face: DetectedFace | None = None
        self._inference = Inference(self._clock)
        self._peak = focus.Peak()

    # --- set-up -----------------------------------------------------------------------------------------------

    def setup(self, request: Message) -> Message:
        """Load the matcher; cameras come with `cameras`."""
        header = request.header
        self.close()
        try:
            self._matcher = Matcher.load(header, self._clock)
            above = upper_of(header["band_set"], _path(header["upper"])) if header["masks"] == ALLOW else None
            judge = judge_of(header["band_set"], _path(header["detector"]), above)
            shadow = shadow_of(header["band_set"], header["shadow"], Path(header["models_dir"]))
        except (DetectorError, GalleryError, ModelError, ValueError) as error:
            raise Refused(str(error)) from error
        config = CamerasConfig.model_validate(header["cameras"])
        self._setup = Setup(
            leds={camera: tuple(leds) for camera, leds in header["leds"].items()},
            patches=config.patches,
            drift=header["drift"],
            judge=judge,
            shadow=shadow,
        )
        self._cameras = Cameras(config, header["module"], self._clock)
        pack = self._matcher.pack
        names = ("pack_id", "title", "grade", "metric", "threshold", "threshold_source")
        return Message({"pack": {name: getattr(pack, name) for name in names}})

    def cameras(self, _: Message) -> Message:
        """Open all cameras anew. Tells which of them can expose shorter."""
        cameras = self._all()
        try:
            identities = cameras.open()
        except ConfigError as error:
            raise Refused(str(error)) from error
        adjustable = [name for name, gain in cameras.expose(dict.fromkeys(cameras.switched, 0.5)).items() if gain < 1.0]
        cameras.expose(dict.fromkeys(cameras.switched, 1.0))
        told = {name: asdict(identity) for name, identity in identities.items()}
        return Message({"identities": told, "adjustable": adjustable})

    def compare_with(self, request: Message) -> Message:
        """The calibration every burst is compared with from now on; null for none."""
        stored = request.header["calibration"]
        self._calibration = Calibration.model_validate_json(json.dumps(stored)) if stored else None
        return Message({})

    def close(self) -> None:
        """Close cameras and gallery for good."""
        if self._cameras is not None:
            self._cameras.end()
        if self._matcher is not None:
            self._matcher.close()
        self._cameras = self._matcher = None

    def end(self) -> None:
        """Nothing is asked any more."""
        self.close()
        self._inference.end()

    def _all(self) -> Cameras:
        if self._cameras is None:
            raise Refused("nothing was set up")
        return self._cameras

    @property
    def _faces(self) -> Matcher:
        if self._matcher is None:
            raise Refused("nothing was set up")
        return self._matcher

    # --- life signs -------------------------------------------------------------------------------------------

    def health(self, _: Message) -> Message:
        """One fresh frame of each camera proves all."""
        self._all().alive()
        return Message({})

    def preview(self, request: Message) -> Message:
        """The view as it is now, as JPEG; with `locate` where the eyes are, so that it can be shown at the portrait's
        scale."""
        view = self._all().read("rgb").image
        faces = self._faces.pack.detect(view) if request.header["locate"] else []
        return Message({"eyes": stills.eyes(faces[0]) if faces else None}, (stills.jpeg(view, quality=70),))

    # --- for whoever sets up the cameras --------------------------------------------------------------------------

    def frames(self, _: Message) -> Message:
        """A few frames of each camera in a row: whether they hold as those of a camera, and what was seen."""
        cameras = self._all()
        return Message({name: asdict(steady([cameras.read(name) for _ in range(FRAMES)])) for name in cameras.names})

    def look(self, request: Message) -> Message:
        """A channel of the last burst as JPEG, and its figures within the window whose middle lies `at`.

        `fresh` forgets the best sharpness so far. Without a picture, `problem` says why.
        """
        header = request.header
        channel, at = header["channel"], (header["at"][0], header["at"][1])
        self._peak = focus.Peak() if header["fresh"] else self._peak
        try:
            view = focus.view_of(self._captured(request), channel)
        except focus.NothingToShow as error:
            return Message({"problem": str(error)})
        told = focus.figures(view, channel, at, self._peak)
        return Message({"figures": told}, (stills.jpeg(view.shown, quality=80),))

    # --- one passage ------------------------------------------------------------------------------------------

    def enrol(self, request: Message) -> Message:
        """Make the reference of the document's portrait: blob raw BGR, header `height`, `width`.

        `issued` (null: unknown) and `on` are days as ISO 8601. Tells why nothing can be compared with the portrait, and
        what a guard should know of it.
        """
        header = request.header
        portrait = np.frombuffer(request.blobs[0], np.uint8).reshape(header["height"], header["width"], 3)
        self._passage = Passage()
        issued = None if header["issued"] is None else date.fromisoformat(header["issued"])
        try:
            faces = self._faces.pack.detect(portrait)
            report = assess_portrait(portrait, faces, issued=issued, today=date.fromisoformat(header["on"]))
        except ValueError as error:
            raise Refused(f"the document's portrait is no picture of a face: {error}") from error
        one = faces[0] if faces and not others(faces) else None
        reference = Reference(report.problem) if report.problem else self._faces.portrait(portrait, faces[0])
        self._passage.reference = reference
        eyes = stills.eyes(one) if one else None
        told = {"problem": reference.problem, "irregularities": report.irregularities, "eyes": eyes}
        return Message(told, (stills.jpeg(portrait),))

    def refer_to(self, request: Message) -> Message:
        """Make the reference of whoever `who` labels in the gallery; null: the live face is looked for in it."""
        who = request.header["who"]
        try:
            reference, found = self._faces.card(who) if who is not None else (self._faces.everybody(), None)
        except ValueError as error:
            raise Refused(str(error)) from error
        self._passage = Passage(reference)
        until = None if found is None or found.valid_until is None else found.valid_until.isoformat()
        told = {"problem": reference.problem, "valid_until": until, "eyes": None}
        if found is None or found.photo is None:
            return Message(told)
        try:
            photo = decode(found.photo)
        except EnrolmentRefused:
            return Message(told)  # kept under other limits: the template is good without it
        faces = self._faces.pack.detect(photo)
        return Message(told | {"eyes": stills.eyes(faces[0]) if faces else None}, (stills.jpeg(photo),))

    def locate(self, _: Message) -> Message:
        """Look once: is there one face, good enough to capture?"""
        view = self._all().read("rgb").image
        faces = self._faces.pack.detect(view)
        self._face = faces[0] if faces else None
        quality = self._faces.look(view, faces).quality
        count = 1 + others(faces) if faces else 0
        told = {"advice": quality.advice, "faces": count, "figures": quality.figures}
        return Message({"acceptable": quality.advice is None, **told})

    def burst(self, request: Message) -> Message:
        """`counts` frames of each switched camera, none exposed before `after`, and a visible one from their middle.

        The illuminators are armed already: every exposure counts. With `face`, inference starts as soon as the visible
        frame is there, and further ones are looked at for a better view.
        """
        passage = self._passage = Passage(self._passage.reference)
        header = request.header
        matcher, face = self._faces, header["face"]

        def look(frame: Frame, middle: bool) -> None:
            self._inference.look(matcher, passage, frame.image, middle=middle)

        passage.shots = self._all().burst(header["counts"], header["after"], look if face else None)
        if face:
            self._inference.choose(matcher, passage)
        passage.captured_at = self._clock.monotonic()
        return Message({})

    def more(self, request: Message) -> Message:
        """`counts` further frames: the illuminator's order had not yet run out."""
        if self._passage.shots is None:
            raise Refused("nothing was captured")
        self._all().more(self._passage.shots, request.header["counts"])
        self._passage.captured_at = self._clock.monotonic()
        return Message({})

    def meter(self, request: Message) -> Message:
        """Set the exposures by a look (a `burst` without a face): what is in force, and whether it was changed."""
        capture = self._captured(request)
        face = None if self._face is None else self._face.box
        wanted = {}
        for camera in {exposure.camera for exposure in capture.exposures}:
            looks = [exposure for exposure in capture.exposures if exposure.camera == camera]
            wanted[camera] = next_gain(looks, face, self._brighter(camera, looks[-1].led))
        before = {exposure.camera: exposure.gain for exposure in capture.exposures}
        gains = self._all().expose(wanted)
        return Message({"gains": gains, "changed": gains != before})

    def _brighter(self, camera: str, led: str | None) -> float:
        """How much brighter than this LED the brightest of its camera is; a guess where nothing was calibrated."""
        stored = self._calibration.cameras.get(camera) if self._calibration is not None else None
        if stored is None or led not in stored.leds:
            return 1.3
        return max(one.level_dn for one in stored.leds.values()) / stored.leds[led].level_dn

    def align(self, request: Message) -> Message:
        """The illuminators were set to zero at `after`."""
        self._all().align(request.header["after"])
        return Message({})

    def expose(self, request: Message) -> Message:
        """Set the exposures as told, shares of the longest by camera."""
        return Message({"gains": self._all().expose(request.header["gains"])})

    def settle(self) -> None:
        """Wait for detector and recogniser; what they raised is raised here."""
        self._inference.settle()

    def reading(self, request: Message) -> Message:
        """Self-test: what is wrong with cameras and LEDs, from a burst of the empty lane."""
        readings = self._readings(self._captured(request))
        levels = {led: round(one.level, 2) for found in readings for led, one in found.leds.items()}
        return Message({"findings": [asdict(finding) for finding in self._findings(readings)], "levels": levels})

    def analyse(self, request: Message) -> Message:
        """The checks, from the captured frames and the illuminators' logs {camera: [[exposure, LED or null], ...]}."""
        capture = self._captured(request)
        self._inference.detected()
        passage = self._passage
        begun = self._clock.monotonic()
        findings = self._findings(self._readings(capture))
        masked = passage.masked
        if passage.faces:
            passage.liveness = self._told().judge.judge(capture, passage.faces[0], masked=masked)
        liveness_s = self._clock.monotonic() - begun
        self.settle()
        matched = self._faces.match(passage.reference, passage.probe, masked=masked)
        checks = (
            verdict.single_face(bestshot.count(passage.middle, passage.views)),
            verdict.face_quality(passage.seen.quality if passage.seen else None, masked=masked),
            verdict.comparison(matched.comparison, matched.against),
            verdict.liveness(passage.liveness, findings),
        )
        return Message(
            {
                "checks": [asdict(check) for check in checks],
                "advice": self._advice(),
                "findings": [asdict(finding) for finding in findings],
                "found": matched.label,
                "captured_at": passage.captured_at,
                "inference_s": passage.inference_s,
                "liveness_s": liveness_s,
            }
        )

    def _advice(self) -> Advice | None:
        """What would help a further capture most."""
        passage = self._passage
        if passage.seen is None:
            return Advice.STEP_INTO_VIEW
        return passage.seen.quality.advice or (passage.liveness.advice if passage.liveness else None)

    def shadow(self, _: Message) -> Message:
        """What the second detector makes of the last capture, beside what the first one made of it."""
        passage, shadow = self._passage, self._told().shadow
        if shadow is None or passage.capture is None or passage.liveness is None:
            return Message({"result": None})
        report = shadow.judge(passage.capture, passage.faces[0])
        figures = {name: report.figures[name] for name in ("score", "distance") if name in report.figures}
        return Message(
            {
                "result": report.result,
                "detector": report.detector,
                "reasons": list(report.reasons),
                "species": report.suspected_species,
                "figures": figures,
                "decided": {"result": passage.liveness.result, "detector": passage.liveness.detector},
            }
        )

    def _told(self) -> Setup:
        if self._setup is None:
            raise Refused("nothing was set up")
        return self._setup

    def _captured(self, request: Message) -> Capture:
        shots = self._passage.shots
        if shots is None or shots.rgb is None:
            raise Refused("nothing was captured")
        logs = {camera: {int(number): led for number, led in log} for camera, log in request.header["logs"].items()}
        capture = Capture(shots.rgb.image, shots.exposures(logs), self._told().patches, rgb_at_s=shots.rgb.stamp)
        self._passage.capture = capture
        return capture

    def _readings(self, capture: Capture) -> list[Reading]:
        return [
            read(
                camera,
                [exposure for exposure in capture.exposures if exposure.camera == camera],
                capture.patches[camera],
                leds,
            )
            for camera, leds in self._told().leds.items()
        ]

    def _findings(self, readings: list[Reading]) -> list[Finding]:
        """What is wrong; a burst that does not even hold in itself is not compared with another day's."""
        found = [finding for reading in readings for finding in reading.findings]
        stored = self._calibration.cameras if self._calibration is not None else {}
        for reading in readings:
            if reading.camera in stored and not reading.findings:
                found += compare(stored[reading.camera], reading, self._told().drift)
        return found

    def stills(self, _: Message) -> Message:
        """The pictures of the last capture, for the guard: names and eyes in the header, JPEG or PNG as blobs."""
        passage = self._passage
        if passage.capture is None:
            raise Refused("nothing was captured")
        shown = None
        if passage.liveness is not None:
            judge = self._told().judge
            shown = judge.draw(passage.liveness, passage.capture.rgb.shape[:2])
        pictures = stills.pictures(passage.capture, shown)
        names = [{"channel": p.channel, "label": p.label, "media_type": p.media_type} for p in pictures]
        eyes = stills.eyes(passage.faces[0]) if passage.faces else None
        return Message({"pictures": names, "eyes": eyes}, tuple(p.data for p in pictures))

    def forget(self, _: Message) -> Message:
        """Drop everything of the passage."""
        self._passage = Passage()
        return Message({})


def _path(name: str) -> Path | None:
    return Path(name) if name else None
