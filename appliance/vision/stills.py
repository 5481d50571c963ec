"""Pictures for the guard: encoded once, after the decision, never on its way."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.face.types import DetectedFace, Image
from appliance.liveness.burst import Capture, Exposure
from appliance.liveness.channels import CHANNELS, Channel, split_led


@dataclass(frozen=True, slots=True)
class Picture:
    """One encoded picture."""

    channel: str
    label: str
    media_type: str
    data: bytes


def jpeg(image: NDArray[np.uint8], quality: int = 88) -> bytes:
    """JPEG of a BGR or grey image."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("the picture cannot be encoded")
    return data.tobytes()


def png(image: NDArray[np.uint8]) -> bytes:
    """PNG of a BGR or grey image."""
    done, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not done:
        raise ValueError("the picture cannot be encoded")
    return data.tobytes()


def eyes(face: DetectedFace) -> list[float]:
    """Pixel centres of both eyes: x, y of the one on the image's left, then of the other."""
    return [round(float(value), 1) for value in face.landmarks[:2].reshape(-1)]


def pictures(capture: Capture, face_map: NDArray[np.uint8] | None) -> list[Picture]:
    """The live view, each band lit minus dark, and the liveness map as it is (uint8[H, W], 255 = not skin)."""
    found = [Picture("rgb", "at the capture", "image/jpeg", jpeg(capture.rgb))]
    lit = {split_led(exposure.led)[0] for exposure in capture.exposures if exposure.led is not None}
    for band in (name for name in CHANNELS if name in lit):
        found.append(Picture(band, "lit minus dark", "image/jpeg", jpeg(_lit_minus_dark(capture, CHANNELS[band]))))
    if face_map is not None:
        found.append(Picture("map", "unlike skin, by pixel", "image/png", png(face_map)))
    return found


def _lit_minus_dark(capture: Capture, band: Channel) -> Image:
    """Both sides together, stretched for the eye; the measurement was made on the untouched values."""
    of_camera = [exposure for exposure in capture.exposures if exposure.camera == band.camera]
    lit = [exposure for exposure in of_camera if exposure.led in band.leds]
    image = _mean(lit or [exposure for exposure in of_camera if exposure.led == f"{band.name}C"])
    if dark := [exposure for exposure in of_camera if exposure.led is None]:
        image = np.clip(image - _mean(dark), 0, None)
    top = max(1.0, float(np.percentile(image, 99.5)))
    return np.asarray(np.clip(image * (235.0 / top), 0, 255), np.uint8)


def _mean(exposures: list[Exposure]) -> NDArray[np.float32]:
    """Mean at full exposure, DN."""
    images = [exposure.image / np.float32(exposure.gain) for exposure in exposures]
    return np.asarray(np.mean(images, axis=0, dtype=np.float32), np.float32)
