"""A capture as the check of two bands takes it, until the check of all bands takes captures themselves."""

import numpy as np

from appliance.liveness.burst import Capture
from appliance.liveness.channels import CHANNELS
from appliance.liveness.types import BandFrame, Burst, Patch


def burst_of(capture: Capture) -> Burst:
    """The exposures of the NIR camera, each band lit from both sides; the two of a pair differ by rounding."""
    own = [exposure for exposure in capture.exposures if exposure.camera == "nir"]
    frames = [BandFrame(None, e.image, e.sequence) for e in own if e.led is None]
    for band in ("850", "940"):
        pair = [e for e in own if e.led in CHANNELS[band].leds]
        if len(pair) == 2:
            both = pair[0].image.astype(np.uint16) + pair[1].image
            frames += [BandFrame(band, ((both + up) // 2).astype(np.uint8), e.sequence) for up, e in enumerate(pair)]
    grey = capture.patches["nir"]
    frames.sort(key=lambda frame: frame.sequence)
    return Burst(capture.rgb, tuple(frames), Patch(grey.x, grey.y, grey.width, grey.height, grey.reflectance))
