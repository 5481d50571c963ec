"""The vision process, `python -m appliance.vision.worker FD`: request, reply, in order, until the socket closes.

It owns the cameras and the weights and keeps the frames of the passage under way in memory, nowhere else.
It decides nothing: it measures, and says what it measured as checks.
"""

import signal
import socket
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
from pydantic import TypeAdapter

from appliance.clock import SystemClock
from appliance.config import CamerasConfig, ConfigError
from appliance.devices import camera
from appliance.face.packs import best_available, load_pack
from appliance.face.types import Comparison, DetectedFace, FacePack, FailureToAcquire, Image, Template
from appliance.liveness.decide import assess
from appliance.liveness.facemap import face_map
from appliance.liveness.limits import LIMITS
from appliance.liveness.reflectance import BurstUnusable
from appliance.liveness.reflectance import measure as measure_burst
from appliance.liveness.types import BandFrame, Burst, LivenessReport, Patch
from appliance.models.manager import ModelError
from appliance.vision import stills, verdict
from appliance.vision.quality import Quality, measure, others
from appliance.wire import Message, receive_blocking, send_blocking
from drivers.camera.fresh import FreshCamera
from drivers.errors import DriverError
from drivers.ports import Frame

FRAME_TIMEOUT_S = 0.5


class Refused(Exception):
    """The request cannot be carried out; the message says what to do."""


@dataclass
class Passage:
    """What is known of the passage under way. Forgotten as a whole."""

    reference: Template | str = "The document's portrait was not enrolled."
    rgb: Frame | None = None
    nir: list[Frame] = field(default_factory=list)
    captured_at: float = 0.0
    faces: list[DetectedFace] = field(default_factory=list)
    quality: Quality | None = None
    probe: Template | str = "No live face was captured."
    inference_s: float = 0.0
    burst: Burst | None = None
    liveness: LivenessReport | None = None


class Worker:
    """Cameras, matcher and the passage under way."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._pack: FacePack | None = None
        self._cameras: dict[str, FreshCamera] = {}
        self._config: CamerasConfig | None = None
        self._module: str | None = None
        self._patch: Patch | None = None
        self._passage = Passage()
        # What follows a reply before the next request is read: inference that need not wait to be asked for.
        self.afterwards: Callable[[], None] | None = None
        # The recogniser works beside the liveness check; everything else waits for it first.
        self._helper = ThreadPoolExecutor(1, thread_name_prefix="recogniser")
        self._recognising: Future[None] | None = None

    # --- set-up -----------------------------------------------------------------------------------------------

    def setup(self, request: Message) -> Message:
        """Load the matcher; cameras come with `cameras`."""
        header = request.header
        models_dir = Path(header["models_dir"])
        try:
            pack_id = best_available(models_dir) if header["pack"] == "auto" else header["pack"]
            self._pack = load_pack(pack_id, models_dir)
        except ModelError as error:
            raise Refused(str(error)) from error
        self._config = TypeAdapter(CamerasConfig).validate_python(header["cameras"])
        self._module = header["module"]
        x, y, width, height = header["reference_patch"]
        self._patch = Patch(x=x, y=y, width=width, height=height, reflectance=header["reference_reflectance"])
        pack = self._pack
        names = ("pack_id", "title", "grade", "metric", "threshold", "threshold_source")
        return Message({"pack": {name: getattr(pack, name) for name in names}})

    def cameras(self, _: Message) -> Message:
        """Open both cameras anew; their exposure counts begin at 0."""
        assert self._config is not None
        self.close()
        identities = {}
        for name in ("rgb", "nir"):
            device = f"camera.{name}"
            try:
                opened = camera(device, getattr(self._config, name), self._module)
            except ConfigError as error:
                raise Refused(str(error)) from error
            fresh = FreshCamera(opened, self._clock.monotonic, device=device)
            identities[name] = asdict(fresh.open())
            self._cameras[name] = fresh
        return Message({"identities": identities})

    def close(self) -> None:
        """Close the cameras."""
        while self._cameras:
            self._cameras.popitem()[1].close()

    def _read(self, name: str) -> Frame:
        if name not in self._cameras:
            raise Refused(f"camera.{name} is not open")
        return self._cameras[name].read(FRAME_TIMEOUT_S)

    # --- life signs -------------------------------------------------------------------------------------------

    def health(self, _: Message) -> Message:
        """One fresh frame of each camera proves both."""
        self._read("rgb")
        return Message({"nir_sequence": self._read("nir").sequence})

    def preview(self, _: Message) -> Message:
        """The view as it is now, as JPEG, and where the eyes are, so that it can be shown at the portrait's scale."""
        assert self._pack is not None
        view = self._read("rgb").image
        faces = self._pack.detect(view)
        return Message({"eyes": stills.eyes(faces[0]) if faces else None}, (stills.jpeg(view, quality=70),))

    # --- one passage ------------------------------------------------------------------------------------------

    def enrol(self, request: Message) -> Message:
        """Make the reference of the document's portrait: blob raw BGR, header `height`, `width`."""
        assert self._pack is not None
        height, width = request.header["height"], request.header["width"]
        portrait = np.frombuffer(request.blobs[0], np.uint8).reshape(height, width, 3)
        self._passage = Passage()
        faces = self._pack.detect(portrait)
        eyes = None
        if len(faces) == 1 or (faces and others(faces) == 0):
            self._passage.reference = self._template(portrait, faces[0], "the document's portrait")
            eyes = stills.eyes(faces[0])
        else:
            found = "no face" if not faces else "several faces"
            self._passage.reference = f"There is {found} on the document's portrait."
        problem = self._passage.reference if isinstance(self._passage.reference, str) else ""
        return Message({"problem": problem, "eyes": eyes}, (stills.jpeg(portrait),))

    def locate(self, _: Message) -> Message:
        """Look once: is there one face, good enough to capture?"""
        assert self._pack is not None
        view = self._read("rgb").image
        faces = self._pack.detect(view)
        quality = measure(view, faces[0]) if faces else None
        advice = quality.advice if quality else "Step into view."
        acceptable = quality is not None and quality.acceptable and others(faces) == 0
        return Message({"acceptable": acceptable, "advice": advice, "faces": 1 + others(faces) if faces else 0})

    def burst(self, request: Message) -> Message:
        """`count` NIR frames and one RGB frame, as fast as the cameras deliver. Inference starts with the reply."""
        passage = self._passage = Passage(reference=self._passage.reference)
        # The illuminator is armed already: every exposure counts, so the NIR camera comes first.
        passage.nir = [self._read("nir") for _ in range(request.header["count"])]
        passage.rgb = self._read("rgb")
        passage.captured_at = self._clock.monotonic()
        self.afterwards = self._infer if request.header["face"] else None
        sequences = [frame.sequence for frame in passage.nir]
        return Message({"sequences": sequences, "captured_at": passage.captured_at})

    def _infer(self) -> None:
        """Detector and recogniser on the captured view, while the controller fetches the illuminator's log."""
        passage = self._passage
        assert self._pack is not None
        assert passage.rgb is not None
        begun = self._clock.monotonic()
        passage.faces = self._pack.detect(passage.rgb.image)
        passage.inference_s = self._clock.monotonic() - begun
        if passage.faces:
            self._recognising = self._helper.submit(self._recognise, passage, passage.rgb.image, passage.faces[0])
            passage.quality = measure(passage.rgb.image, passage.faces[0])

    def _recognise(self, passage: Passage, image: Image, face: DetectedFace) -> None:
        begun = self._clock.monotonic()
        passage.probe = self._template(image, face, "the live face")
        passage.inference_s += self._clock.monotonic() - begun

    def settle(self) -> None:
        """Wait for the recogniser; what it raised is raised here."""
        recognising, self._recognising = self._recognising, None
        if recognising is not None:
            recognising.result()

    def _template(self, image: Image, face: DetectedFace, what: str) -> Template | str:
        assert self._pack is not None
        try:
            return self._pack.embed(image, face)
        except FailureToAcquire as error:
            return f"No template could be made of {what}: {error}"

    def response(self, request: Message) -> Message:
        """Self-test of the illumination: does a burst hold at the grey reference, in every band?"""
        try:
            measured = measure_burst(self._burst(request), LIMITS)
        except BurstUnusable as error:
            return Message({"problem": str(error)})
        return Message({"problem": "", "response": measured.response})

    def analyse(self, request: Message) -> Message:
        """The checks, from the captured frames and the illuminator's log [[exposure, band or null], ...]."""
        passage = self._passage
        assert self._pack is not None
        burst = self._burst(request)
        begun = self._clock.monotonic()
        passage.liveness = assess(burst, passage.faces[0].landmarks) if passage.faces else None
        liveness_s = self._clock.monotonic() - begun
        self.settle()
        checks = (
            verdict.single_face(1 + others(passage.faces) if passage.faces else 0),
            verdict.face_quality(passage.quality),
            verdict.comparison(self._compare()),
            verdict.liveness(passage.liveness),
        )
        return Message(
            {
                "checks": [asdict(check) for check in checks],
                "captured_at": passage.captured_at,
                "inference_s": passage.inference_s,
                "liveness_s": liveness_s,
            }
        )

    def _burst(self, request: Message) -> Burst:
        passage = self._passage
        if passage.rgb is None or self._patch is None:
            raise Refused("nothing was captured")
        lit: dict[int, str | None] = {int(exposure): band for exposure, band in request.header["log"]}
        # Only exposures the illuminator itself has logged count; what it does not know of proves nothing.
        frames = tuple(
            BandFrame(band=lit[frame.sequence], image=frame.image, sequence=frame.sequence)
            for frame in passage.nir
            if frame.sequence in lit
        )
        passage.burst = Burst(passage.rgb.image, frames, self._patch)
        return passage.burst

    def _compare(self) -> Comparison | str:
        assert self._pack is not None
        reference, probe = self._passage.reference, self._passage.probe
        if isinstance(reference, str):
            return reference
        return probe if isinstance(probe, str) else self._pack.compare(reference, probe)

    def stills(self, _: Message) -> Message:
        """The pictures of the last capture, for the guard: names and eyes in the header, JPEG or PNG as blobs."""
        passage = self._passage
        if passage.burst is None:
            raise Refused("nothing was captured")
        shown = face_map(passage.burst, passage.faces[0].landmarks) if passage.faces else None
        pictures = stills.pictures(passage.burst, shown)
        names = [{"channel": p.channel, "label": p.label, "media_type": p.media_type} for p in pictures]
        eyes = stills.eyes(passage.faces[0]) if passage.faces else None
        return Message({"pictures": names, "eyes": eyes}, tuple(p.data for p in pictures))

    def forget(self, _: Message) -> Message:
        """Drop everything of the passage."""
        self._passage = Passage()
        return Message({})


OPERATIONS = ("setup", "cameras", "health", "preview", "enrol", "locate", "burst", "response", "analyse", "stills")


def serve(sock: socket.socket, worker: Worker) -> None:
    """Answer requests until the other end closes."""
    operations = {name: getattr(worker, name) for name in (*OPERATIONS, "forget")}
    while (request := receive_blocking(sock)) is not None:
        operation = operations.get(str(request.header.get("op")))
        if operation != worker.analyse:
            worker.settle()
        reply = _reply(operation, request)
        send_blocking(sock, Message({"id": request.header.get("id"), **reply.header}, reply.blobs))
        afterwards, worker.afterwards = worker.afterwards, None
        if afterwards is not None:
            afterwards()


def _reply(operation: Callable[[Message], Message] | None, request: Message) -> Message:
    def failed(kind: str, message: str, device: str = "vision") -> Message:
        return Message({"error": {"kind": kind, "device": device, "message": message}})

    if operation is None:
        return failed("Unknown", f"there is no operation {request.header.get('op')!r}")
    try:
        return operation(request)
    except DriverError as error:
        return failed(type(error).__name__, error.message, error.device)
    except Refused as error:
        return failed("Refused", str(error))


def main(arguments: list[str]) -> None:
    """Entry of the child: the number of an inherited socket is its only argument."""
    # The terminal's Ctrl-C goes to the whole group; this child ends when its controller closes the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    worker = Worker()
    with socket.socket(fileno=int(arguments[0])) as sock:
        try:
            serve(sock, worker)
        except BrokenPipeError:
            return
        finally:
            worker.close()


if __name__ == "__main__":
    main(sys.argv[1:])
