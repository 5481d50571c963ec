"""Bytes of an enrolment photo to an image, with the size judged before a pixel is decoded.

Not responsible for faces. An operator's photo is decoded in this process; what comes from a document goes through the
sandbox of `appliance.document.portrait` instead.
"""

import io
import warnings

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from appliance.face.types import Image
from appliance.gallery.errors import EnrolmentRefused
from appliance.gallery.types import MOST_PHOTO_BYTES

MOST_PIXELS = 40_000_000
FORMATS = ("JPEG", "PNG")


def decode(photo: bytes) -> Image:
    """(H, W, 3) uint8 BGR of a JPEG or PNG, turned upright as its Exif says. Raises EnrolmentRefused."""
    if len(photo) > MOST_PHOTO_BYTES:
        raise EnrolmentRefused(f"the photo has {len(photo)} bytes, the limit is {MOST_PHOTO_BYTES}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Pillow.open(io.BytesIO(photo), formats=FORMATS) as opened:
                width, height = opened.size
                if width * height > MOST_PIXELS:
                    raise EnrolmentRefused(
                        f"the photo has {width} x {height} pixels, the limit is {MOST_PIXELS} in all"
                    )
                if opened.mode.startswith(("I", "F")):
                    # Converted, every brighter pixel would be white.
                    raise EnrolmentRefused("the photo has more than 8 bits a channel; save it with 8")
                rgb = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"), np.uint8)
    except UnidentifiedImageError as error:
        raise EnrolmentRefused(f"the photo is neither {' nor '.join(FORMATS)}") from error
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise EnrolmentRefused(f"the photo has too many pixels; the limit is {MOST_PIXELS} in all") from error
    except (OSError, SyntaxError, ValueError, Warning, EOFError) as error:
        raise EnrolmentRefused(f"the photo is damaged ({str(error)[:100]}); take it again") from error
    return np.ascontiguousarray(rgb[:, :, ::-1])
