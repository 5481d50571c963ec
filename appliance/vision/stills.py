"""Pictures for the guard: encoded once, after the decision, never on its way."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.face.types import DetectedFace, Image
from appliance.liveness.decide import LivenessReport, face_map
from appliance.liveness.reflectance import Burst, ambient_subtracted


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


def pictures(burst: Burst, face: DetectedFace | None, report: LivenessReport | None) -> list[Picture]:
    """The live view, each band lit minus dark, and the liveness map over the face."""
    found = [Picture("rgb", "Live, visible light", "image/jpeg", jpeg(burst.rgb))]
    for band, image in ambient_subtracted(burst).items():
        # Stretched for the eye; the measurement was made on the untouched values.
        top = max(1.0, float(np.percentile(image, 99.5)))
        shown: Image = np.clip(image * (235.0 / top), 0, 255).astype(np.uint8)
        found.append(Picture(band, f"{band} nm, lit minus dark", "image/jpeg", jpeg(shown)))
    if face is not None and report is not None:
        found.append(Picture("map", "Liveness map", "image/png", png(_coloured(burst, face, report))))
    return found


def _coloured(burst: Burst, face: DetectedFace, report: LivenessReport) -> Image:
    """The map on a fixed scale over the darkened grey view: skin-like stays grey, not skin-like turns orange to white."""
    strength = face_map(burst, face.landmarks, report).astype(np.float32) / 255.0
    grey = cv2.cvtColor(burst.rgb, cv2.COLOR_BGR2GRAY).astype(np.float32) * 0.55
    base = np.repeat(grey[:, :, None], 3, axis=2)
    hot = np.stack([60 + 150 * strength**3, 120 + 100 * strength, np.full_like(strength, 255)], axis=2)
    weight = (0.85 * strength)[:, :, None]
    return np.asarray(np.clip(base * (1 - weight) + hot * weight, 0, 255), np.uint8)
