"""Pictures for the guard: encoded once, after the decision, never on its way."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.face.types import DetectedFace, Image
from appliance.liveness.types import Burst


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


def pictures(burst: Burst, face_map: NDArray[np.uint8] | None) -> list[Picture]:
    """The live view, each band lit minus dark, and the liveness map as it is (uint8[H, W], 255 = not skin)."""
    found = [Picture("rgb", "at the capture", "image/jpeg", jpeg(burst.rgb))]
    for band in sorted({frame.band for frame in burst.frames if frame.band is not None}):
        found.append(Picture(band, "lit minus dark", "image/jpeg", jpeg(_lit_minus_dark(burst, band))))
    if face_map is not None:
        found.append(Picture("map", "unlike skin, by pixel", "image/png", png(face_map)))
    return found


def _lit_minus_dark(burst: Burst, band: str) -> Image:
    """Stretched for the eye; the measurement was made on the untouched values, and on bursts that hold only."""
    lit = [frame.image for frame in burst.frames if frame.band == band]
    dark = [frame.image for frame in burst.frames if frame.band is None]
    image = np.mean(lit, axis=0, dtype=np.float32)
    if dark:
        image = np.clip(image - np.mean(dark, axis=0, dtype=np.float32), 0, None)
    top = max(1.0, float(np.percentile(image, 99.5)))
    return np.asarray(np.clip(image * (235.0 / top), 0, 255), np.uint8)
