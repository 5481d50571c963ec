"""A whole run with a pack that sees colours: what is kept, counted, resumed and refused."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from faces_toys import ColourPack, paint
from PIL import Image as Pillow

from appliance.clock import ManualClock
from appliance.evaluate.faces import templates
from appliance.evaluate.faces.dataset import FaceSet
from appliance.evaluate.faces.loaders import load
from appliance.evaluate.faces.outcome import Outcome, as_json, write
from appliance.evaluate.faces.report import render
from appliance.evaluate.faces.run import CannotMeasure, Options, run
from appliance.evaluate.faces.templates import RunFolderError, mirrored
from appliance.face.masked import DRAWS
from appliance.face.types import TemplatesNotComparable
from appliance.models.catalogue import OPEN_OMZ

People = Callable[..., Path]
EYES = 10.0


def _run(faces: FaceSet, out: Path, pack: ColourPack | None = None, **more: object) -> Outcome:
    options = Options(**{"least_eyes_px": EYES, **more})  # type: ignore[arg-type]
    return run(pack or ColourPack(), faces, out, options, ManualClock())


def test_people_are_told_apart(people: People, tmp_path: Path) -> None:
    found = _run(load(people(40, 3)), tmp_path / "run")
    (section,) = found.sections
    assert (section.protocol, section.genuine, section.impostors, section.subjects) == ("all", 120, 7020, 40)
    assert [point.threshold is not None for point in section.points] == [True, True, False, False]
    assert (section.given.tar.errors, section.given.tar.n) == (120, 120)
    assert section.det.eer is not None
    assert section.det.eer < 0.01
    assert section.generalised_fnmr == 0.0
    assert section.search is not None
    assert (section.search.rank_one.errors, section.search.rank_one.n, section.search.gallery) == (0, 120, 119)


def test_scores_are_those_of_the_pack(people: People, tmp_path: Path) -> None:
    faces = load(people(4, 3))
    pack = ColourPack()
    _run(faces, tmp_path / "run", pack)
    with np.load(tmp_path / "run" / "plain-00000.npz") as kept:
        vectors = kept["vectors"]
    from appliance.evaluate.faces.scores import block, prepared
    from appliance.face.types import Template

    ours = block(prepared(vectors, None, "cosine"), prepared(vectors, None, "cosine"), "cosine")
    for i in range(12):
        for j in range(12):
            a, b = (Template(pack.pack_id, OPEN_OMZ.template_sha256, vectors[k]) for k in (i, j))
            assert ours[i, j] == pytest.approx(pack.compare(a, b).score, abs=1e-12)


def test_failures_are_counted_and_stop_nothing(people: People, tmp_path: Path) -> None:
    root = people(6, 4)
    one, two, three, four, five = sorted((root / "P00").iterdir())[:4] + sorted((root / "P01").iterdir())[:1]
    one.write_bytes(b"no image")
    two.write_bytes(two.read_bytes()[:200])
    Pillow.new("RGB", (64, 64)).save(three)
    Pillow.new("RGB", (64, 64), (255, 255, 255)).save(four)
    Pillow.new("RGB", (20, 20), (90, 10, 200)).save(five)
    (root / "P05" / "P05_0001.png").unlink()
    (root / "P05" / "P05_0001.png").symlink_to("gone.png")
    found = _run(load(root), tmp_path / "run")
    (view,) = found.acquisition
    assert view.counts == {
        "template": 18,
        "missing": 1,
        "broken": 2,
        "no_face": 1,
        "several": 0,
        "too_small": 1,
        "no_template": 1,
    }
    assert (view.fte.errors, view.fte.n) == (3, 24)
    assert (view.fta.errors, view.fta.n) == (3, 21)
    assert view.several == 1
    section = found.sections[0]
    assert section.subjects == 5
    assert section.generalised_fnmr == pytest.approx(1 - (18 / 24) ** 2 * (section.given.tar.value or 0))


@pytest.mark.parametrize(("rule", "lost"), [("largest", 0), ("central", 0), ("single", 1)])
def test_several_faces_follow_the_rule(people: People, tmp_path: Path, rule: str, lost: int) -> None:
    root = people(3, 3)
    path = root / "P00" / "P00_0001.png"
    image = np.asarray(Pillow.open(path)).copy()
    image[0] = 255
    Pillow.fromarray(image).save(path)
    (view,) = _run(load(root), tmp_path / "run", face=rule).acquisition
    assert (view.several, view.counts["several"], view.fta.errors) == (1, lost, lost)


def test_a_broken_off_run_goes_on(people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "SHARD", 4)
    faces, out = load(people(5, 4)), tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        _run(faces, out, ColourPack(stop_after=10))
    assert sorted(path.name for path in out.iterdir()) == ["manifest.json", "plain-00000.npz", "plain-00001.npz"]
    pack = ColourPack()
    resumed = _run(faces, out, pack)
    assert pack.made == 20 - 8
    again = ColourPack()
    assert as_json(_run(faces, out, again)) == as_json(resumed)
    assert again.made == 0
    assert as_json(_run(faces, tmp_path / "fresh")) == as_json(resumed)


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "pickle", "short"])
def test_a_damaged_shard_is_made_again(people: People, tmp_path: Path, damage: str) -> None:
    faces, out = load(people(3, 3)), tmp_path / "run"
    first = as_json(_run(faces, out))
    shard = out / "plain-00000.npz"
    whole = shard.read_bytes()
    if damage == "pickle":
        np.savez(shard, vectors=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    elif damage == "short":
        with np.load(shard) as kept:
            arrays = {name: kept[name][:5] if kept[name].ndim else kept[name] for name in kept.files}
        np.savez(shard, **arrays)
    else:
        shard.write_bytes({"cut": whole[:300], "text": b"hello", "empty": b""}[damage])
    pack = ColourPack()
    assert as_json(_run(faces, out, pack)) == first
    assert pack.made == 9


def test_a_run_folder_is_never_shared(people: People, tmp_path: Path) -> None:
    root, out = people(3, 3), tmp_path / "run"
    _run(load(root), out)
    with pytest.raises(RunFolderError, match="face"):
        _run(load(root), out, face="single")
    paint(root / "P00" / "P00_0001.png", 0, np.random.default_rng(9))
    with pytest.raises(RunFolderError, match="dataset_digest"):
        _run(load(root), out)
    (out / "manifest.json").write_text("{")
    with pytest.raises(RunFolderError, match="damaged"):
        _run(load(root), out)
    (out / "manifest.json").write_text("[]")
    with pytest.raises(RunFolderError, match="another run"):
        _run(load(root), out)
    with pytest.raises(RunFolderError, match="not empty"):
        _run(load(root), root)


def test_flip_is_made_once_and_averaged(people: People, tmp_path: Path) -> None:
    faces, out = load(people(3, 3)), tmp_path / "run"
    plain = _run(faces, out)
    pack = ColourPack()
    flipped = _run(faces, out, pack, flip=True)
    assert pack.made == 18
    assert flipped.header.flip
    assert not np.array_equal(flipped.sections[0].genuine_counts, plain.sections[0].genuine_counts)
    again = ColourPack()
    assert np.array_equal(_run(faces, out, again).sections[0].genuine_counts, plain.sections[0].genuine_counts)
    assert again.made == 0


def test_a_mirrored_face_keeps_left_on_the_left() -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    face = ColourPack().detect(image)[0]
    turned, other = mirrored(image, face)
    assert other.landmarks[0, 0] < other.landmarks[1, 0]
    assert other.landmarks[3, 0] < other.landmarks[4, 0]
    x, y = (round(float(v)) for v in face.landmarks[0])
    assert turned[y, 59 - x].tolist() == image[y, x].tolist()
    back, same = mirrored(turned, other)
    assert np.array_equal(back, image)
    assert same.box == pytest.approx(face.box)
    assert same.landmarks == pytest.approx(face.landmarks)


def test_masked_probes_meet_references_made_for_them(people: People, tmp_path: Path) -> None:
    faces, out = load(people(8, 3)), tmp_path / "run"
    bare = _run(faces, out)
    pack = ColourPack()
    masked = _run(faces, out, pack, masked=True)
    assert pack.made == 24 * (1 + 1 + DRAWS)  # the probe, the bare reference, and the reference under each drawn mask
    assert [view.view for view in masked.acquisition] == ["masked-reference", "masked"]
    (section,) = masked.sections
    assert (section.genuine, section.impostors) == (2 * bare.sections[0].genuine, 2 * bare.sections[0].impostors)
    places = np.arange(len(section.genuine_counts))
    means = [(s.genuine_counts * places).sum() / s.genuine for s in (section, bare.sections[0])]
    assert means[0] < means[1] - 200
    assert masked.header.mask_method is not None
    assert as_json(_run(faces, out, ColourPack(), masked=True)) == as_json(masked)
    with pytest.raises(CannotMeasure, match="leave out --flip"):
        _run(faces, out, masked=True, flip=True)


def _lfw(root: Path) -> FaceSet:
    for path in root.glob("*/*.png"):
        Pillow.open(path).save(path.with_suffix(".jpg"), quality=95)
    rows = []
    for fold in range(2):
        rows += [f"P{fold}{k}\t1\t2" for k in range(3)]
        rows += [f"P{fold}{k}\t1\tP{fold}{k + 1}\t1" for k in range(3)]
    (root / "pairs.txt").write_text("2\t3\n" + "\n".join(rows) + "\n")
    return load(root)


def test_lfw_has_both_protocols(people: People, tmp_path: Path) -> None:
    root = people(14, 2)
    faces = _lfw(root)
    pairs, every = _run(faces, tmp_path / "run").sections
    assert (pairs.protocol, every.protocol) == ("pairs", "all")
    assert (pairs.genuine, pairs.impostors, pairs.not_compared) == (6, 6, 0)
    assert pairs.folds is not None
    assert (pairs.folds.mean, pairs.folds.standard_error) == (1.0, 0.0)
    assert len(faces.images) == 14
    assert every.genuine == 6
    (root / "P00" / "P00_0001.jpg").unlink()
    pairs, _ = _run(load(root), tmp_path / "again").sections
    assert (pairs.genuine, pairs.impostors, pairs.not_compared) == (5, 5, 2)
    assert pairs.generalised_fnmr == pytest.approx(1 - pairs.given.tar.errors / 6)
    assert pairs.folds is not None
    assert pairs.folds.not_compared == 2


def test_what_the_set_does_not_allow_is_said(people: People, tmp_path: Path) -> None:
    root = people(3, 3)
    with pytest.raises(CannotMeasure, match="lists no pairs"):
        _run(load(root), tmp_path / "run", protocol="pairs")
    path = tmp_path / "p.csv"
    path.write_text("path_a,path_b,same\nP00/P00_0001.png,P00/P00_0002.png,1\n")
    with pytest.raises(CannotMeasure, match="who is on each"):
        _run(load(path, root=root), tmp_path / "run", protocol="all")
    path.write_text("path_a,path_b,same\nP00/gone.png,P00/away.png,1\n")
    with pytest.raises(CannotMeasure, match="fewer than two"):
        _run(load(path, root=root), tmp_path / "other")


def test_groups_stand_worst_first(people: People, tmp_path: Path) -> None:
    root = people(12, 3)
    rng = np.random.default_rng(3)
    for person in range(4):
        for path in (root / f"P{person:02d}").iterdir():
            paint(path, person, rng, noise=240)
    labels = tmp_path / "l.csv"
    rows = [
        f"{path.relative_to(root).as_posix()},{'noisy' if int(path.parent.name[1:]) < 4 else 'clear'},{path.name}"
        for path in sorted(root.glob("*/*.png"))
    ]
    labels.write_text("path,kind,unique\n" + "\n".join(rows) + "\n")
    outcome = _run(load(root, labels), tmp_path / "run", ColourPack(threshold=0.8))
    assert "labels: column 'unique' is no grouping, left out" in outcome.header.notes
    (section,) = outcome.sections
    (table,) = section.groups
    assert (table.column, table.threshold) == ("kind", 0.8)
    assert [line.value for line in table.lines] == ["noisy", "clear"]
    worst, best = table.lines
    assert (worst.images, worst.subjects, worst.fnmr.n, worst.fmr.n) == (12, 4, 12, 54)
    assert (best.fnmr.n, best.fmr.n) == (24, 252)
    assert worst.worse is not None
    assert best.worse is not None
    assert worst.worse > 1 > best.worse
    assert worst.fnmr.errors + best.fnmr.errors == section.given.tar.n - section.given.tar.errors


def test_groups_of_pairs(people: People, tmp_path: Path) -> None:
    root = people(4, 3)
    path = tmp_path / "p.csv"
    rows = [f"P0{k}/P0{k}_0001.png,P0{k}/P0{k}_0002.png,1,{'x' if k < 2 else 'y'}" for k in range(4)]
    rows += [f"P0{k}/P0{k}_0001.png,P0{(k + 1) % 4}/P0{(k + 1) % 4}_0001.png,0,x" for k in range(4)]
    path.write_text("path_a,path_b,same,group\n" + "\n".join(rows) + "\n")
    (section,) = _run(load(path, root=root), tmp_path / "run").sections
    (table,) = section.groups
    found = {line.value: (line.fnmr.n, line.fmr.n) for line in table.lines}
    assert found == {"x": (2, 4), "y": (2, 0)}


def test_a_pack_that_stamps_something_else_is_refused(people: People, tmp_path: Path) -> None:
    class Other(ColourPack):
        pack_id = "pypi-dlib"

    with pytest.raises(TemplatesNotComparable, match="catalogue"):
        _run(load(people(2, 2)), tmp_path / "run", Other())


def test_the_json_is_what_a_threshold_cites(people: People, tmp_path: Path) -> None:
    faces = load(people(40, 3))
    found = _run(faces, tmp_path / "run")
    path = tmp_path / "new" / "x.json"
    write(path, as_json(found))
    kept = json.loads(path.read_text())
    assert kept["pack_id"] == "open-omz"
    assert kept["recogniser_sha256"] == OPEN_OMZ.template_sha256
    assert (kept["dataset"], kept["dataset_digest"]) == ("set", faces.digest())
    assert kept["date"] == "2026-11-23T12:00:00+00:00"
    (protocol,) = kept["protocols"]
    assert (protocol["n_genuine"], protocol["n_impostor"], protocol["n_subjects"]) == (120, 7020, 40)
    first, last = protocol["thresholds"][0], protocol["thresholds"][-1]
    assert first["fmr"]["value"] <= 0.01
    assert first["tar"]["clopper_pearson_95"][1] == 1.0
    assert {"threshold": None, "why": "not supported by n"}.items() <= last.items()
    assert not list(path.parent.glob("*.part"))


def test_names_that_are_no_text_are_no_trouble(people: People, tmp_path: Path) -> None:
    root = people(5, 3).rename(tmp_path / os.fsdecode(b"set\xff"))
    (root / "P00").rename(root / os.fsdecode(b"P\xe9"))
    faces = load(root).limited(13)
    found = _run(faces, tmp_path / "run", masked=True)
    assert found.header.dataset == "set\ufffd"
    write(tmp_path / "x.html", render(found))
    assert "set\ufffd" in (tmp_path / "x.html").read_text(encoding="utf-8")
