"""A capture as the check of two bands takes it, until the check of all bands takes captures themselves."""

from appliance.liveness.burst import Capture
from appliance.liveness.channels import split_led
from appliance.liveness.types import BandFrame, Burst, Patch


def burst_of(capture: Capture) -> Burst:
    """The exposures of the NIR camera, each LED standing for its band."""
    frames = tuple(
        BandFrame(None if exposure.led is None else split_led(exposure.led)[0], exposure.image, exposure.sequence)
        for exposure in capture.exposures
        if exposure.camera == "nir"
    )
    grey = capture.patches["nir"]
    return Burst(capture.rgb, frames, Patch(grey.x, grey.y, grey.width, grey.height, grey.reflectance))
