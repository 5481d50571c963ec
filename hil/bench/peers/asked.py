"""One library under test, in its own process: pairs in, a JSON line a pair out. Nothing of ours is around it.

Arguments: name of the library, a file of pairs (two paths a line, tab between), the folder of our weights.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

Answer = tuple[float | None, bool]
"""Score or distance (None: no face was found), and whether the library calls the two the same person."""


def sallyport(models: str) -> Callable[[str, str], Answer]:
    """The default pack."""
    import cv2
    import numpy as np

    from appliance.face.packs import AUTO, load_pack

    cv2.setNumThreads(1)
    pack = load_pack(AUTO, Path(models))

    def ask(one: str, other: str) -> Answer:
        templates = []
        for path in (one, other):
            image = np.asarray(cv2.imread(path, cv2.IMREAD_COLOR), np.uint8)
            faces = pack.detect(image)
            if not faces:
                return None, False
            templates.append(pack.embed(image, faces[0]))
        found = pack.compare(*templates)
        return found.score, found.accepted

    return ask


def deepface(_: str) -> Callable[[str, str], Answer]:
    """deepface with the recogniser and the detector whose weights can be had without its own downloads."""
    from deepface import DeepFace

    def ask(one: str, other: str) -> Answer:
        try:
            found = DeepFace.verify(one, other, model_name="Dlib", detector_backend="dlib", silent=True)
        except ValueError:  # it raises this where it finds no face
            return None, False
        return float(found["distance"]), bool(found["verified"])

    return ask


def face_recognition(_: str) -> Callable[[str, str], Answer]:
    """face_recognition as its README has it."""
    import face_recognition as library

    def ask(one: str, other: str) -> Answer:
        codes = [library.face_encodings(library.load_image_file(path)) for path in (one, other)]
        if not all(codes):
            return None, False
        distance = float(library.face_distance([codes[0][0]], codes[1][0])[0])
        return distance, bool(library.compare_faces([codes[0][0]], codes[1][0])[0])

    return ask


LIBRARIES = {"sallyport": sallyport, "deepface": deepface, "face_recognition": face_recognition}
_WARM = 3


def main(name: str, pairs: str, models: str) -> None:
    """Warm up, then answer every pair and say how long each took."""
    ask = LIBRARIES[name](models)
    listed = [line.split("\t") for line in Path(pairs).read_text(encoding="utf-8").splitlines()]
    for one, other in listed[:_WARM]:
        ask(one, other)
    for one, other in listed:
        begun = time.perf_counter()
        score, same = ask(one, other)
        print(json.dumps({"score": score, "same": same, "seconds": time.perf_counter() - begun}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
