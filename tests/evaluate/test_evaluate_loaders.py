"""Published layouts, made small, and the same broken: nothing wrong is taken in, nothing missing is invented."""

import json
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from appliance.evaluate.dataset import Dataset
from appliance.evaluate.loaders import wmca
from appliance.evaluate.loaders.common import Broken, CannotImport, Options
from appliance.evaluate.loaders.hq_wmca import TYPES
from appliance.evaluate.loaders.registration import fit, warp
from appliance.evaluate.loaders.registry import take_in
from appliance.evaluate.species import BONA_FIDE, VOCABULARY

PLAIN = Options()
SKIP = Options(skip_broken=True)


def take(kind: str, folder: Path, out: Path, options: Options = PLAIN) -> tuple[Dataset, list[str]]:
    count, notes = take_in(kind, folder, out, options)
    data = Dataset(out)
    assert len(data.records) == count
    for record in data.records:
        data.load(record)
    return data, notes


def scene(side: int = 240, seed: int = 1) -> np.ndarray:
    """Something with edges everywhere, grey float 0 to 1."""
    rng = np.random.default_rng(seed)
    image = cv2.GaussianBlur(rng.random((side, side), dtype=np.float32), (0, 0), 2)
    cv2.ellipse(image, (side // 2, side // 2), (side // 4, side // 3), 0, 0, 360, 0.9, -1)
    for x in (-30, 30):
        cv2.circle(image, (side // 2 + x, side // 2 - 20), 10, 0.1, -1)
    cv2.line(image, (side // 2 - 25, side // 2 + 40), (side // 2 + 25, side // 2 + 40), 0.2, 6)
    return np.clip(image, 0, 1)


# --- WMCA ---------------------------------------------------------------------------------------------------


def wmca_pair(root: Path, name: str, *, infrared: int = 90, side: int = 32, frames: int = 3) -> tuple[Path, Path]:
    paths = []
    for tree, planes in (
        ("preprocessed-face-station_RGB", (10, 20, 30)),
        ("preprocessed-face-station_CDIT", (15, 40, infrared, 70)),
    ):
        path = root / "WMCA" / tree / "12.02.18" / f"{name}.hdf5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            for number in range(frames):
                shape = (len(planes), side, side)
                file[f"Frame_{number}/array"] = (
                    np.broadcast_to(np.reshape(planes, (-1, 1, 1)), shape).astype(np.uint8) + number
                )
        paths.append(path)
    return paths[0], paths[1]


def test_wmca_becomes_a_data_set_of_colour_and_850(tmp_path: Path) -> None:
    wmca_pair(tmp_path / "in", "035_01_000_0_01")
    wmca_pair(tmp_path / "in", "530_03_001_2_18")
    data, notes = take("wmca", tmp_path / "in", tmp_path / "out")
    assert notes == []
    assert (data.header.kind, data.header.channels) == ("measured", ("B", "G", "R", "850"))
    bona_fide, mask = data.records
    assert (bona_fide.species, bona_fide.subject, bona_fide.groups) == (BONA_FIDE, "035", {"glasses": "own"})
    assert (mask.species, mask.subject, mask.instrument_of, mask.split) == ("silicone_mask", "001", "530", "test")
    capture = data.load(bona_fide)
    assert capture.rgb.shape == (256, 256, 3)
    assert capture.rgb[0, 0].tolist() == [31, 21, 11]
    assert list(capture.planes) == ["850"]
    assert capture.planes["850"].mean() == pytest.approx(91 / 255, abs=1e-3)


def test_wmca_parts_follow_the_published_list(tmp_path: Path) -> None:
    for name in ("001_01_000_0_00", "002_01_000_0_00", "003_01_000_0_00", "004_01_000_0_00"):
        wmca_pair(tmp_path / "in", name)
    listed = tmp_path / "PROTOCOL-grandtest.csv"
    listed.write_text(
        "path,label,attack,subset\nface-station/12.02.18/001_01_000_0_00,0,bonafide,train\n"
        "face-station/12.02.18/002_01_000_0_00,0,bonafide,dev\nface-station/12.02.18/003_01_000_0_00,0,bonafide,eval\n"
    )
    data, notes = take("wmca", tmp_path / "in", tmp_path / "out", Options(protocol=listed))
    assert [record.split for record in data.records] == ["train", "site", "test"]
    assert notes == ["004_01_000_0_00: not in the list of parts; left out."]


@pytest.mark.parametrize(
    ("kind", "instrument", "species"),
    [
        (0, 2, BONA_FIDE),
        (1, 1, "glasses_funny"),
        (1, 2, "rigid_mask"),
        (1, 9, "wig"),
        (1, 15, "glasses_paper"),
        (1, 3, None),
        (2, 7, "mannequin"),
        (2, 8, "paper_mask"),
        (2, 17, "rigid_mask"),
        (2, 99, "silicone_mask"),
        (2, 40, None),
        (3, 4, "print_unspecified"),
        (3, 10, "screen_unspecified"),
        (4, 1, "screen_unspecified"),
        (5, 100, "make_up_attack"),
        (6, 1, None),
    ],
)
def test_wmca_instruments_follow_the_published_table(kind: int, instrument: int, species: str | None) -> None:
    assert wmca.species(kind, instrument) == species
    assert species in (None, BONA_FIDE, *VOCABULARY)


def truncate(pair: tuple[Path, Path]) -> None:
    pair[0].write_bytes(pair[0].read_bytes()[:600])


def no_hdf5(pair: tuple[Path, Path]) -> None:
    pair[1].write_bytes(b"not HDF5 at all")


def missing(pair: tuple[Path, Path]) -> None:
    pair[1].unlink()


def rewritten(array: object, key: str = "Frame_0/array"):
    def change(pair: tuple[Path, Path]) -> None:
        with h5py.File(pair[1], "w") as file:
            file[key] = array

    return change


def follows_a_link(pair: tuple[Path, Path]) -> None:
    with h5py.File(pair[1], "w") as file:
        file.create_group("Frame_0")["array"] = h5py.ExternalLink("/etc/passwd", "/x")


def a_group(pair: tuple[Path, Path]) -> None:
    with h5py.File(pair[1], "w") as file:
        file.create_group("Frame_0/array")


def a_giant(pair: tuple[Path, Path]) -> None:
    with h5py.File(pair[1], "w") as file:
        file.create_dataset("Frame_0/array", shape=(4, 10**6, 10**6), dtype="u1", chunks=(1, 64, 64))


BROKEN = {
    "truncated": (truncate, "cannot be read"),
    "no HDF5": (no_hdf5, "cannot be read"),
    "counterpart missing": (missing, "no counterpart"),
    "a channel missing": (rewritten(np.zeros((3, 32, 32), np.uint8)), r"not uint8\[4"),
    "floats": (rewritten(np.zeros((4, 32, 32), np.float32)), "not frames of unsigned"),
    "two dimensions": (rewritten(np.zeros((32, 32), np.uint8)), "not frames of unsigned"),
    "another size": (rewritten(np.zeros((4, 16, 16), np.uint8)), "differ in size"),
    "no shared frame": (rewritten(np.zeros((4, 32, 32), np.uint8), "Frame_77/array"), "shares no frame"),
    "a group": (a_group, "no array"),
    "a link out of the file": (follows_a_link, "no array|cannot be read"),
    "a giant": (a_giant, "not frames of unsigned"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_wmca_file_is_named_and_only_skipped_when_that_was_asked_for(tmp_path: Path, what: str) -> None:
    breaks, says = BROKEN[what]
    wmca_pair(tmp_path / "in", "001_01_000_0_00")
    breaks(wmca_pair(tmp_path / "in", "002_01_000_0_00", frames=1))
    with pytest.raises(Broken, match=says):
        take_in("wmca", tmp_path / "in", tmp_path / "refused", PLAIN)
    data, notes = take("wmca", tmp_path / "in", tmp_path / "out", SKIP)
    assert [record.id for record in data.records] == ["12.02.18-001_01_000_0_00"]
    assert len(notes) == 1


def test_a_file_of_a_strange_name_is_no_bona_fide_presentation(tmp_path: Path) -> None:
    wmca_pair(tmp_path / "in", "summary")
    with pytest.raises(Broken, match="is not named"):
        take_in("wmca", tmp_path / "in", tmp_path / "out", PLAIN)


# --- HQ-WMCA ------------------------------------------------------------------------------------------------


def recording(root: Path, name: str, *, swir: bool = True, blind: bool = False) -> Path:
    path = root / "01.03.19" / f"{name}.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = scene()
    seen = np.rint(np.stack([grey, grey, grey]) * 200).astype(np.uint8)
    other = cv2.warpAffine(
        grey, np.float32([[1.0, 0.02, 6.0], [-0.02, 1.0, -4.0]]), (240, 240), borderMode=cv2.BORDER_REFLECT
    )
    with h5py.File(path, "w") as file:
        file["BASLER_BGR"] = np.stack([seen] * 3)
        for prefix, bands in (
            ("BASLER_LEFT_NIR_", {"850": 0.6, "940": 0.5}),
            ("BOBCAT_SWIR_", {"1050": 0.5, "1300": 0.3, "1550": 0.1}),
        ):
            if prefix.startswith("BOB") and not swir:
                continue
            size = (240, 240) if prefix.startswith("BAS") else (120, 120)
            image = cv2.resize(np.random.default_rng(5).random((240, 240), np.float32) if blind else other, size)
            file[f"{prefix}Dark"] = np.full((4, 1, *size), 9000, np.uint16)
            for band, power in bands.items():
                file[f"{prefix}{band}nm"] = np.stack([(image * power * 60000 + 9000).astype(np.uint16)[None]] * 2)
    return path


def test_an_hq_wmca_recording_is_freed_of_ambient_light_and_fitted_to_the_visible_image(tmp_path: Path) -> None:
    recording(tmp_path / "in", "1_01_0035_0000_00_00_000-241b2419")
    recording(tmp_path / "in", "1_02_0501_0002_05_03_112-aa")
    data, notes = take("hq-wmca", tmp_path / "in", tmp_path / "out")
    assert notes == []
    assert [(record.species, record.subject) for record in data.records] == [
        (BONA_FIDE, "0035"),
        ("rigid_mask", "0002"),
    ]
    assert data.records[1].instrument_of == "0501"
    capture = data.load(data.records[0])
    assert set(capture.planes) == {"850", "940", "1050", "1300", "1550"}
    inside = np.s_[40:200, 40:200]
    visible = capture.rgb[inside][..., 1].astype(float).ravel()
    for plane in capture.planes.values():
        assert np.corrcoef(visible, plane[inside].ravel())[0, 1] > 0.95
    assert np.median(capture.planes["940"][inside] / capture.planes["850"][inside]) == pytest.approx(5 / 6, abs=0.01)


def test_a_recording_whose_cameras_do_not_fit_keeps_the_visible_image_alone(tmp_path: Path) -> None:
    recording(tmp_path / "in", "1_01_0035_0000_00_00_000-2", blind=True)
    data, notes = take("hq-wmca", tmp_path / "in", tmp_path / "out")
    assert data.load(data.records[0]).planes == {}
    assert len(notes) == 2
    assert all("cannot be fitted" in note for note in notes)


def test_a_recording_without_swir_is_broken(tmp_path: Path) -> None:
    recording(tmp_path / "in", "1_01_0035_0000_00_00_000-2", swir=False)
    with pytest.raises(Broken, match="BOBCAT_SWIR_1050nm is missing"):
        take_in("hq-wmca", tmp_path / "in", tmp_path / "out", PLAIN)


def test_a_recording_with_a_sequence_of_the_wrong_form_is_broken(tmp_path: Path) -> None:
    path = recording(tmp_path / "in", "1_01_0035_0000_00_00_000-2")
    with h5py.File(path, "a") as file:
        del file["BASLER_LEFT_NIR_Dark"]
        file["BASLER_LEFT_NIR_Dark"] = np.zeros((240, 240), np.uint16)
    with pytest.raises(Broken, match="no sequence of frames"):
        take_in("hq-wmca", tmp_path / "in", tmp_path / "out", PLAIN)


def stack(root: Path, name: str, channels: int) -> None:
    path = root / "01.03.19" / f"{name}.hdf5"
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["Frame_4/array"] = np.stack([np.full((64, 64), 20 * place + 5, np.uint8) for place in range(channels)])


def test_a_stack_needs_to_be_told_what_its_planes_are(tmp_path: Path) -> None:
    stack(tmp_path / "in", "1_01_0035_0000_03_00_000", 4)
    with pytest.raises(CannotImport, match="--channels"):
        take_in("hq-wmca", tmp_path / "in", tmp_path / "a", PLAIN)
    with pytest.raises(CannotImport, match="unknown channels 1234"):
        take_in("hq-wmca", tmp_path / "in", tmp_path / "b", Options(channels=("grey", "1234", "-", "-")))
    with pytest.raises(CannotImport, match="must name B, G and R, or grey"):
        take_in("hq-wmca", tmp_path / "in", tmp_path / "c", Options(channels=("850", "940", "-", "1050")))
    with pytest.raises(Broken, match="has 4 channels"):
        take_in("hq-wmca", tmp_path / "in", tmp_path / "d", Options(channels=("grey", "850")))
    data, _ = take("hq-wmca", tmp_path / "in", tmp_path / "out", Options(channels=("grey", "1050", "-", "1550")))
    assert data.header.channels == ("B", "G", "R", "1050", "1550")
    capture = data.load(data.records[0])
    assert capture.planes["1550"].mean() == pytest.approx(65 / 255, abs=1e-3)
    assert capture.rgb.mean() == 5.0


def test_every_type_of_hq_wmca_is_in_the_vocabulary(tmp_path: Path) -> None:
    assert set(TYPES.values()) - {BONA_FIDE} <= set(VOCABULARY)
    stack(tmp_path / "in", "1_01_0035_0000_77_00_000", 1)
    with pytest.raises(CannotImport, match="type 77 is in no published table"):
        take_in("hq-wmca", tmp_path / "in", tmp_path / "out", Options(channels=("grey",)))


# --- registration -------------------------------------------------------------------------------------------


def test_a_shifted_turned_inverted_image_is_brought_back(tmp_path: Path) -> None:
    grey = scene()
    onto = np.rint(np.stack([grey] * 3, axis=2) * 255).astype(np.uint8)
    moved = cv2.warpAffine(
        1.0 - grey, np.float32([[1.03, 0.03, 9.0], [-0.03, 1.03, 5.0]]), (240, 240), borderMode=cv2.BORDER_REFLECT
    )
    matrix = fit(moved, onto)
    assert matrix is not None
    back = warp(moved, matrix, onto)[30:210, 30:210]
    assert np.corrcoef(back.ravel(), grey[30:210, 30:210].ravel())[0, 1] < -0.95


@pytest.mark.parametrize(
    "image", [np.zeros((240, 240), np.float32), np.random.default_rng(2).random((240, 240), np.float32)]
)
def test_what_shows_no_face_does_not_fit(image: np.ndarray) -> None:
    onto = np.rint(np.stack([scene()] * 3, axis=2) * 255).astype(np.uint8)
    assert fit(image, onto) is None


# --- CASIA-SURF ---------------------------------------------------------------------------------------------


def casia(root: Path, lines: list[str], name: str = "train_list.txt") -> None:
    root.mkdir(parents=True, exist_ok=True)
    for line in lines:
        for file, value in zip(line.split()[:3], (60, 70, 80), strict=True):
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), np.full((100, 90, 3), value, np.uint8))
    (root / name).write_text("\n".join(lines) + "\n")


def training(part: str, subject: str, session: str, number: int, label: int) -> str:
    base = f"Training/{part}/{subject}/{session}.rssdk"
    return f"{base}/color/{number}.jpg {base}/depth/{number}.jpg {base}/ir/{number}.jpg {label}"


def test_casia_surf_counts_a_video_once_and_images_without_one_each(tmp_path: Path) -> None:
    lines = [training("fake_part", "CLKJ_AS0005", "04_en_b", number, 0) for number in (1, 31, 61)]
    casia(tmp_path / "in", [*lines, training("real_part", "CLKJ_AS0137", "real", 31, 1)])
    val = [f"Val/0000/00000{n}-color.jpg Val/0000/00000{n}-depth.jpg Val/0000/00000{n}-ir.jpg {n % 2}" for n in (0, 1)]
    casia(tmp_path / "in", val, "val_private_list.txt")
    data, notes = take("casia-surf", tmp_path / "in", tmp_path / "out")
    assert notes == []
    assert [(record.species, record.split) for record in data.records] == [
        ("print_cut", "train"),
        (BONA_FIDE, "train"),
        ("print_cut", "site"),
        (BONA_FIDE, "site"),
    ]
    assert data.records[0].id == "Training-fake_part-CLKJ_AS0005-04_en_b.rssdk-color-31"
    assert data.records[1].subject == "CLKJ_AS0137"
    capture = data.load(data.records[0])
    assert capture.rgb.shape == (400, 360, 3)
    assert capture.planes["850"].mean() == pytest.approx(80 / 255, abs=0.01)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (training("real_part", "A", "real", 1, 0), "contradict"),
        (training("fake_part", "A", "01_e_s", 1, 1), "contradict"),
        ("../../etc/a.jpg x.jpg y.jpg 1", "out of its folder"),
        ("a.jpg b.jpg /etc/c.jpg 1", "out of its folder"),
        ("a.jpg b.jpg c.jpg live", "label of 0 or 1"),
        ("a.jpg b.jpg c.jpg d.jpg 1", "label of 0 or 1"),
    ],
)
def test_a_casia_surf_list_that_contradicts_itself_is_refused(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "train_list.txt").write_text(line)
    with pytest.raises(CannotImport, match=says):
        take_in("casia-surf", tmp_path / "in", tmp_path / "out", PLAIN)


def test_a_casia_surf_list_without_labels_is_left_out_and_a_missing_image_is_broken(tmp_path: Path) -> None:
    casia(tmp_path / "in", [training("real_part", "A", "real", 1, 1)])
    (tmp_path / "in" / "test_public_list.txt").write_text("a.jpg b.jpg c.jpg\n")
    data, notes = take("casia-surf", tmp_path / "in", tmp_path / "out")
    assert notes == ["test_public_list.txt gives no labels; left out."]
    assert len(data.records) == 1
    next((tmp_path / "in").rglob("ir/*.jpg")).unlink()
    with pytest.raises(Broken, match=r"ir/1\.jpg"):
        take_in("casia-surf", tmp_path / "in", tmp_path / "b", PLAIN)
    next((tmp_path / "in").rglob("color/*.jpg")).write_bytes(b"")
    with pytest.raises(Broken, match="no picture"):
        take_in("casia-surf", tmp_path / "in", tmp_path / "c", PLAIN)


# --- folders ------------------------------------------------------------------------------------------------


def images(place: Path, **channels: np.ndarray) -> Path:
    place.mkdir(parents=True)
    for name, image in channels.items():
        cv2.imwrite(str(place / f"{name.removeprefix('c')}.png"), image)
    return place


GREY = np.full((40, 50), 128, np.uint8)


def test_a_plain_folder_becomes_a_data_set_with_what_is_said_of_it(tmp_path: Path) -> None:
    place = images(
        tmp_path / "in" / "latex_mask" / "m1",
        rgb=np.dstack([GREY] * 3),
        c850=GREY,
        c940=np.full((40, 50), 32768, np.uint16),
        thermal=np.full((40, 50), 30715, np.uint16),
        depth=np.full((40, 50), 600, np.uint16),
    )
    about = {"subject": "w", "instrument_of": "v", "split": "train", "conditions": {"sun": 0.3}}
    (place / "presentation.json").write_text(json.dumps(about))
    images(tmp_path / "in" / BONA_FIDE / "p1", rgb=np.dstack([GREY] * 3))
    data, _ = take(
        "folders", tmp_path / "in", tmp_path / "out", Options(name="lab-1", source="rig 3", kind="simulated")
    )
    assert (data.header.name, data.header.source, data.header.kind) == ("lab-1", "rig 3", "simulated")
    assert data.header.channels == ("B", "G", "R", "850", "940", "thermal", "depth")
    genuine, mask = data.records
    assert (genuine.subject, genuine.split) == ("p1", "test")
    assert (mask.subject, mask.instrument_of, mask.split, mask.conditions) == ("w", "v", "train", {"sun": 0.3})
    planes = data.load(mask).planes
    assert planes["850"].mean() == pytest.approx(128 / 255, abs=1e-3)
    assert planes["940"].mean() == pytest.approx(0.5, abs=1e-3)
    assert planes["thermal"].mean() == pytest.approx(34.0, abs=0.05)
    assert planes["depth"].mean() == pytest.approx(0.6, abs=1e-3)


@pytest.mark.parametrize(
    ("channels", "about", "says"),
    [
        ({"c850": GREY}, None, r"rgb\.png"),
        ({"rgb": GREY, "c850": GREY[:20]}, None, "850 has not the size"),
        ({"rgb": GREY, "depth": GREY}, None, "16 bits"),
        ({"rgb": GREY}, "{", "cannot be read"),
        ({"rgb": GREY}, "[]", "and nothing else"),
        ({"rgb": GREY}, '{"species": "bona_fide"}', "and nothing else"),
        ({"rgb": GREY}, '{"split": "dev"}', "split"),
    ],
)
def test_a_broken_presentation_in_a_folder_is_refused(
    tmp_path: Path, channels: dict[str, np.ndarray], about: str | None, says: str
) -> None:
    place = images(tmp_path / "in" / "latex_mask" / "m1", **channels)
    if about is not None:
        (place / "presentation.json").write_text(about)
    with pytest.raises(Broken, match=says):
        take_in("folders", tmp_path / "in", tmp_path / "out", PLAIN)


def test_a_folder_named_after_no_species_is_refused(tmp_path: Path) -> None:
    images(tmp_path / "in" / "fakes" / "m1", rgb=GREY)
    with pytest.raises(CannotImport, match="named after no species"):
        take_in("folders", tmp_path / "in", tmp_path / "out", PLAIN)


def test_nothing_is_taken_in_from_nowhere_nor_over_anything(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for kind, says in (
        ("wmca", "no tree"),
        ("hq-wmca", "holds no presentation"),
        ("casia-surf", "no list"),
        ("folders", "holds no"),
    ):
        with pytest.raises(CannotImport, match=says):
            take_in(kind, tmp_path / "empty", tmp_path / "out", PLAIN)
    with pytest.raises(CannotImport, match="no known set"):
        take_in("celeba", tmp_path / "empty", tmp_path / "out", PLAIN)
    images(tmp_path / "in" / BONA_FIDE / "p1", rgb=GREY)
    with pytest.raises(CannotImport, match="is not empty"):
        take_in("folders", tmp_path / "in", tmp_path / "in", PLAIN)


@pytest.mark.parametrize("content", ["", "a,b\n", "001,test\n"])
def test_a_list_of_parts_that_names_none_is_refused(tmp_path: Path, content: str) -> None:
    wmca_pair(tmp_path / "in", "001_01_000_0_00")
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(CannotImport, match="names no presentation"):
        take_in("wmca", tmp_path / "in", tmp_path / "out", Options(protocol=tmp_path / "list.csv"))
