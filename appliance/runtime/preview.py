"""A live view for the guard while somebody is held; nothing is captured otherwise."""

import asyncio
import contextlib
from collections.abc import Callable

from appliance.runtime.eye import EyeOwner
from appliance.runtime.passage_data import PassageData
from appliance.vision.client import VisionLost, VisionRefused
from drivers.errors import DriverError

EVERY_S = 0.04
"""Between two pictures. With the wait for a frame of a camera of 30 a second that makes some 15; computed."""
LOCATE_EVERY = 5
"""Eyes are looked for in every fifth of them: that takes far longer than the picture."""


async def keep_showing(eye: EyeOwner, held: Callable[[], PassageData | None], publish: Callable[[], None]) -> None:
    """Show what the camera sees to whoever watches the passage that `held` names, until cancelled."""
    shown = 0
    eyes: list[float] | None = None
    while True:
        await asyncio.sleep(EVERY_S)
        data = held()
        if data is None or eye.busy:
            shown = 0
            continue
        with contextlib.suppress(VisionLost, VisionRefused, DriverError):
            locate = shown % LOCATE_EVERY == 0
            reply = await eye.ask("preview", locate=locate)
            eyes = reply.header["eyes"] if locate else eyes
            data.show("live", reply.blobs[0], "image/jpeg", label="live picture", eyes=eyes)
            shown += 1
            publish()
