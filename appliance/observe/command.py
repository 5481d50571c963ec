"""Runs a post until it is stopped: networks, journal, socket, and its exit code."""

import asyncio
import signal
import uuid
from collections.abc import Callable

from appliance.clock import Clock, SystemClock
from appliance.config import ConfigError
from appliance.control.messages import WatchSnapshot
from appliance.control.server import SocketBusy
from appliance.face.mask_detector import MaskDetector, MaskFinding, load_mask_detector
from appliance.face.packs import load_pack
from appliance.face.types import DetectedFace, FacePack, Image
from appliance.models.manager import ModelError
from appliance.observe.config import ObserveConfig, ObserveSection
from appliance.observe.post import Post
from appliance.store.async_store import AsyncStore
from appliance.store.errors import StoreError

STOPPED, CANNOT_START = 0, 3


class FaceJudge:
    """A pack's detector of faces and the detector of medical masks."""

    def __init__(self, pack: FacePack, masks: MaskDetector) -> None:
        self._pack, self._masks = pack, masks

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        """Every face, the largest first."""
        return self._pack.detect(image_bgr)

    def look(self, image_bgr: Image, face: DetectedFace) -> MaskFinding:
        """Whether a medical mask covers its lower half."""
        return self._masks.look(image_bgr, face)


def judge_of(section: ObserveSection) -> FaceJudge:
    """The networks of one camera. Raises ModelError: without them there is nothing to watch with."""
    return FaceJudge(load_pack(section.pack, section.models_dir), load_mask_detector(section.models_dir))


async def run_post(
    config: ObserveConfig, clock: Clock, on_ready: Callable[[WatchSnapshot], None] | None = None
) -> None:
    """Open the store, watch, close the store. Raises ModelError, SocketBusy, StoreError."""
    async with await AsyncStore.open(config.state_dir, clock, boot_id=uuid.uuid4().hex) as store:
        await Post(config, clock, store, lambda: judge_of(config.observe)).run(on_ready)


async def command(config: ObserveConfig, tell: Callable[[str], None]) -> int:
    """Run until Ctrl-C or SIGTERM; the exit code."""
    running = asyncio.current_task()
    assert running is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)

    def ready(snapshot: WatchSnapshot) -> None:
        tell(f"Post {snapshot.lane_id} watches {', '.join(one.name for one in snapshot.cameras)}; nothing moves here.")

    try:
        await run_post(config, SystemClock(), ready)
    except asyncio.CancelledError:
        tell(f"Post {config.lane_id} stopped.")
        return STOPPED
    except (StoreError, ConfigError, ModelError) as error:
        tell(str(error))
        return CANNOT_START
    except BaseExceptionGroup as group:
        expected, other = group.split((SocketBusy, StoreError))
        for leaf in expected.exceptions if expected is not None else ():
            tell(str(leaf))
        if other is not None:
            raise
        return CANNOT_START
    return STOPPED
