"""Networks are run once where they are loaded: one that does not fit stops the start, and never a traveller.

The hash of a file proves that it is the one the catalogue names. That this file runs under the libraries of this
machine, and takes what is given to it, only a run proves. Not responsible for how well it recognises (`selftest`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from appliance.face.types import DetectedFace, FacePack, Image
from appliance.models.manager import ModelError

_SIZES = ((480, 640), (531, 413))
"""A camera's frame and a portrait, H x W: a network that takes only one size fails at the other."""
_MARKS = np.array([[150, 180], [230, 180], [190, 230], [160, 280], [220, 280]], np.float32)
FACE = DetectedFace((110.0, 100.0, 270.0, 330.0), _MARKS, 1.0)
"""Where a face could be in every picture of `pictures`."""


def pictures() -> list[Image]:
    """Coloured noise, always the same: no face, but nothing a network would be spared."""
    noise = np.random.default_rng(1)
    return [noise.integers(0, 256, (*size, 3), dtype=np.uint8) for size in _SIZES]


@contextmanager
def proving(name: str) -> Iterator[None]:
    """Whatever loading or running raises inside becomes a ModelError that says what to do; one that does already
    stays as it is.
    """
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # onnxruntime, OpenVINO and dlib each raise kinds of their own
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelError(
            f"{name} does not run here: {why}. Its files are those this release names, so the release or a library "
            f"under it is not what it should be: install it again, or choose another pack."
        ) from error


def prove(pack: FacePack) -> None:
    """Detect and embed once for every size. Raises whatever a network that does not fit raises, and ValueError."""
    for picture in pictures():
        pack.detect(picture)
        vector = pack.embed(picture, FACE).vector
        if vector.ndim != 1 or not np.isfinite(vector).all() or not vector.any():
            raise ValueError(f"the recogniser gave {vector.shape} values, not all of them numbers")
