"""The visible-light cue: it may suspect or say nothing, and no input makes it say anything else."""

from pathlib import Path
from typing import get_args, get_type_hints

import cv2
import insightface.data
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from appliance.core.types import Result
from appliance.face.packs import load_pack
from appliance.liveness.rgb_cue import Box, RgbCue, Suspicion, SuspicionResult, load_cue, suspicion_of
from appliance.models.catalogue import RGB_CUE
from appliance.models.manager import HashMismatch, PackMissing, import_from

FILE = RGB_CUE.file("cue")
THRESHOLD = RGB_CUE.threshold
INSIDE: Box = (95.0, 55.0, 205.0, 185.0)
SCORES = (None, 0.0, 0.3, THRESHOLD, 1.0)

# Scores of `pattern()`: any change of channel order, scale, crop, edge or interpolation moves them.
GOLDEN: dict[Box, float] = {
    INSIDE: 0.14955,
    (-40.0, -30.0, 60.0, 70.0): 0.03396,
    (100.0, 100.0, 140.0, 150.0): 0.27990,
}


def pattern() -> NDArray[np.uint8]:
    y, x = np.mgrid[0:240, 0:320].astype(np.float64)
    planes = 128 + 90 * np.sin(x / 23) * np.cos(y / 31), 110 + 80 * np.cos(x / 17 + y / 29), 140 + 100 * np.sin(y / 19)
    return np.stack(planes, axis=-1).astype(np.uint8)


class NoNetwork:
    """Stands where the network is; remembers what it was shown and answers `logits`."""

    def __init__(self, logits: tuple[float, float] = (0.0, 0.0)) -> None:
        self.logits, self.seen = logits, []

    def run(self, _: None, inputs: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        self.seen.append(inputs["input"])
        return [np.array([self.logits], dtype=np.float32)]


@pytest.fixture
def network() -> NoNetwork:
    return NoNetwork()


@pytest.fixture
def cue(network: NoNetwork) -> RgbCue:
    """Everything but the weights."""
    bare = RgbCue.__new__(RgbCue)
    bare._session = network
    return bare


# --- never a ground to admit --------------------------------------------------------------------------------


def test_the_type_has_no_word_for_genuine() -> None:
    assert set(get_args(SuspicionResult)) == {Result.FAILED, Result.NOT_PERFORMED}
    getter = Suspicion.result.fget  # type: ignore[attr-defined]
    assert get_type_hints(getter)["return"] == SuspicionResult


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("threshold", [0.0, THRESHOLD, 1.0, 2.0])
def test_no_score_is_a_success(score: float | None, threshold: float) -> None:
    found = Suspicion(score, threshold)
    assert found.result in get_args(SuspicionResult)
    assert (found.result is Result.FAILED) is found.suspects


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("result", Result)
def test_only_a_success_is_changed_and_never_for_the_better(score: float | None, result: Result) -> None:
    found = Suspicion(score, THRESHOLD)
    after = found.after(result)
    if result is not Result.SUCCESSFUL:
        assert after is result
    elif score is None:
        assert after is Result.UNDETERMINED
    else:
        assert after is (Result.FAILED if score >= THRESHOLD else Result.SUCCESSFUL)


@given(st.floats(width=32), st.floats(width=32))
def test_any_answer_of_the_network_is_a_suspicion_or_silence(real: float, attack: float) -> None:
    found = suspicion_of(np.array([real, attack], dtype=np.float32))
    assert found.result in get_args(SuspicionResult)
    if found.score is not None:
        assert 0.0 <= found.score <= 1.0
        assert not found.suspects or attack > real
    else:
        assert found.reason == "the network gave no number"
        assert found.after(Result.SUCCESSFUL) is Result.UNDETERMINED


@pytest.mark.parametrize(("margin", "suspects"), [(-1e-3, False), (1e-3, True)])
def test_it_suspects_from_the_threshold_of_the_catalogue_upwards(margin: float, suspects: bool) -> None:
    share = THRESHOLD + margin
    found = suspicion_of(np.array([0.0, np.log(share / (1.0 - share))], dtype=np.float32))
    assert found.suspects is suspects
    assert found.threshold == THRESHOLD
    assert found.score == pytest.approx(share)


def test_the_second_logit_is_the_attack() -> None:
    assert suspicion_of(np.array([-500.0, 500.0], dtype=np.float32)).score == 1.0
    assert suspicion_of(np.array([500.0, -500.0], dtype=np.float32)).score == 0.0


# --- what it is shown ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("box", [INSIDE, (-20.0, -10.0, 60.0, 70.0), (250.0, 160.0, 330.0, 250.0)])
def test_the_crop_is_a_square_mirrored_at_the_edge(cue: RgbCue, network: NoNetwork, box: Box) -> None:
    image, margin = pattern(), 200
    wide = cv2.copyMakeBorder(image, margin, margin, margin, margin, cv2.BORDER_REFLECT_101)
    side = int(1.5 * max(box[2] - box[0], box[3] - box[1]))
    left, top = (int((low + high) / 2 - side / 2) + margin for low, high in ((box[0], box[2]), (box[1], box[3])))
    face = wide[top : top + side, left : left + side]
    face = cv2.resize(face, (128, 128), interpolation=cv2.INTER_LANCZOS4 if side < 128 else cv2.INTER_AREA)
    cue.judge(image, box)
    (seen,) = network.seen
    assert (seen.shape, seen.dtype) == ((1, 3, 128, 128), np.float32)
    np.testing.assert_array_equal(np.round(seen[0] * 255).astype(np.uint8), face[..., ::-1].transpose(2, 0, 1))


def test_an_image_in_slices_is_judged_as_its_copy(cue: RgbCue, network: NoNetwork) -> None:
    image = pattern()
    cue.judge(image[:, ::-1], INSIDE)
    cue.judge(np.ascontiguousarray(image[:, ::-1]), INSIDE)
    np.testing.assert_array_equal(network.seen[0], network.seen[1])


# --- hostile ------------------------------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")
BAD_BOXES: dict[str, tuple[Box, str]] = {
    "no width": ((100.0, 50.0, 100.0, 150.0), "empty"),
    "inside out": ((200.0, 180.0, 100.0, 50.0), "empty"),
    "left of the image": ((-200.0, 50.0, -100.0, 150.0), "outside"),
    "below the image": ((100.0, 500.0, 200.0, 600.0), "outside"),
    "mostly outside": ((-80.0, 50.0, 40.0, 150.0), "outside"),
    "larger than memory": ((-1e12, -1e12, 1e12, 1e12), "outside"),
    "not a number": ((NAN, 50.0, 200.0, 150.0), "not finite"),
    "endless": ((0.0, 0.0, INF, INF), "not finite"),
    "tiny": ((100.0, 100.0, 110.0, 150.0), "too small"),
}


@pytest.mark.parametrize(("box", "words"), BAD_BOXES.values(), ids=list(BAD_BOXES))
def test_a_box_without_a_face_is_not_judged(cue: RgbCue, network: NoNetwork, box: Box, words: str) -> None:
    found = cue.judge(pattern(), box)
    assert words in found.reason
    assert not found.judged
    assert not found.suspects
    assert found.after(Result.SUCCESSFUL) is Result.UNDETERMINED
    assert network.seen == []


@given(st.tuples(*[st.floats(-1e4, 1e4)] * 4))
def test_any_box_gets_an_answer(box: Box) -> None:
    bare, network = RgbCue.__new__(RgbCue), NoNetwork()
    bare._session = network
    found = bare.judge(pattern(), box)
    assert found.judged == bool(network.seen) == (found.reason == "")


@pytest.mark.parametrize("level", [0, 130, 255])
def test_a_picture_without_colour_is_not_judged(cue: RgbCue, network: NoNetwork, level: int) -> None:
    flat = np.full((240, 320, 3), level, dtype=np.uint8)
    grey = np.repeat(pattern()[..., :1], 3, axis=2)
    for image in (flat, grey):
        assert cue.judge(image, INSIDE).reason == "the picture has no colour"
    assert network.seen == []


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((240, 320), np.uint8),
        np.zeros((240, 320, 1), np.uint8),
        np.zeros((240, 320, 4), np.uint8),
        np.zeros((240, 320, 3), np.float32),
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((8, 320, 3), np.uint8),
    ],
    ids=["one plane", "one channel", "four channels", "floats", "nothing", "a strip"],
)
def test_what_is_no_colour_picture_is_refused(cue: RgbCue, image: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="a face image"):
        cue.judge(image, INSIDE)


def test_a_cue_that_is_not_installed_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(PackMissing, match="appliance models fetch rgb-cue"):
        load_cue(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>", bytes(FILE.size)], ids=["empty", "page", "same size"])
def test_another_file_is_never_loaded(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE.name).write_bytes(content)
    with pytest.raises(HashMismatch, match=FILE.sha256):
        load_cue(tmp_path)


# --- on the real weights ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    folder = tmp_path_factory.mktemp("models")
    import_from(shared / "models", folder)
    return folder


@pytest.fixture(scope="module")
def real(installed: Path) -> RgbCue:
    return load_cue(installed)


@pytest.mark.measured
def test_a_truncated_file_is_never_loaded(installed: Path, tmp_path: Path) -> None:
    whole = (installed / FILE.name).read_bytes()
    (tmp_path / FILE.name).write_bytes(whole[:-1])
    with pytest.raises(HashMismatch):
        load_cue(tmp_path)
    (tmp_path / FILE.name).write_bytes(whole)
    load_cue(tmp_path)


@pytest.mark.measured
@pytest.mark.parametrize(("box", "score"), GOLDEN.items())
def test_known_scores(real: RgbCue, box: Box, score: float) -> None:
    assert real.judge(pattern(), box).score == pytest.approx(score, abs=2e-3)


@pytest.mark.measured
@pytest.mark.parametrize("box", GOLDEN)
def test_channel_order_matters_to_the_known_scores(real: RgbCue, box: Box) -> None:
    swapped = real.judge(np.ascontiguousarray(pattern()[..., ::-1]), box).score
    assert swapped is not None
    assert abs(swapped - GOLDEN[box]) > 0.1


@pytest.mark.measured
def test_the_published_samples(real: RgbCue, installed: Path, shared: Path) -> None:
    pack = load_pack("open-omz", installed)
    suspected = {}
    for path in sorted((shared / "data/faces/spoof_samples").glob("*.jpg")):
        image = np.asarray(cv2.imread(str(path)), dtype=np.uint8)
        suspected[path.stem] = real.judge(image, pack.detect(image)[0].box).suspects
    assert suspected == {"image_T1": False, "image_F1": True, "image_F2": True}


@pytest.mark.measured
def test_people_of_a_photograph_are_judged_and_the_image_is_left_alone(real: RgbCue, installed: Path) -> None:
    image: NDArray[np.uint8] = insightface.data.get_image("t1", use_cache=False)
    before = image.copy()
    found = [real.judge(image, face.box) for face in load_pack("open-omz", installed).detect(image)]
    assert len(found) >= 4
    assert all(one.judged for one in found)
    np.testing.assert_array_equal(image, before)


@pytest.mark.measured
def test_silence_proves_nothing(real: RgbCue) -> None:
    """What is plainly no face is not suspected: so silence can be no ground to admit."""
    flat = np.full((240, 320, 3), (90, 120, 180), dtype=np.uint8)
    noise = np.random.default_rng(1).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    for image in (flat, noise):
        found = real.judge(image, INSIDE)
        assert not found.suspects
        assert found.result is Result.NOT_PERFORMED
