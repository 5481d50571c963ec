"""Data sets as they come, and as somebody with ill intent would write them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.evaluate.faces.dataset import DatasetError
from appliance.evaluate.faces.loaders import load

People = Callable[..., Path]


def _lfw(root: Path, text: str) -> Path:
    root.mkdir(exist_ok=True)
    (root / "pairs.txt").write_text(text, encoding="utf-8")
    return root


TWO_FOLDS = "2\t1\nAnn\t1\t2\nAnn\t1\tBob\t3\nCid\t7\t8\nCid\t7\tDee\t12\n"


def test_lfw_view_2(tmp_path: Path) -> None:
    found = load(_lfw(tmp_path / "lfw", TWO_FOLDS))
    assert (found.name, found.kind, found.face, found.folds, found.subjects) == ("LFW", "lfw", "central", 2, 4)
    assert [image.path for image in found.images] == [
        "Ann/Ann_0001.jpg",
        "Ann/Ann_0002.jpg",
        "Bob/Bob_0003.jpg",
        "Cid/Cid_0007.jpg",
        "Cid/Cid_0008.jpg",
        "Dee/Dee_0012.jpg",
    ]
    assert [(p.reference, p.probe, p.same, p.fold) for p in found.pairs] == [
        (0, 1, True, 1),
        (0, 2, False, 1),
        (3, 4, True, 2),
        (3, 5, False, 2),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "first line"),
        ("10\n", "first line"),
        ("2\t300\n", "were announced"),
        ("1\t1\nAnn\t1\t2\n", "were announced"),
        ("1\t1\nAnn\t1\nAnn\t1\tBob\t1\n", "line 2"),
        ("1\t1\nAnn\t1\tx\nAnn\t1\tBob\t1\n", "names no image"),
        ("1\t1\nAnn\t1\t²\nAnn\t1\tBob\t1\n", "names no image"),
        ("1\t1\n../..\t1\t2\nAnn\t1\tBob\t1\n", "names no image"),
        ("1\t1\n/etc/x\t1\t2\nAnn\t1\tBob\t1\n", "names no image"),
        ("9999999\t1\n", "first line"),
        ("1\t1\n" + "A" * 20_000 + "\t1\t2\nAnn\t1\tBob\t1\n", "longer"),
    ],
)
def test_a_wrong_pairs_txt_is_refused_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        load(_lfw(tmp_path / "lfw", text))


def test_a_person_folder_that_leads_out_is_refused(tmp_path: Path) -> None:
    root = _lfw(tmp_path / "lfw", TWO_FOLDS)
    (root / "Bob").symlink_to(tmp_path)
    with pytest.raises(DatasetError, match="leads out"):
        load(root)


def test_a_folder_of_people(people: People) -> None:
    root = people(3, 2)
    (root / "stray.png").write_bytes(b"")
    (root / "P00" / "notes.txt").write_text("no image")
    (root / ".cache").mkdir()
    (root / ".cache" / "x.png").write_bytes(b"")
    (root / "P01" / "deep").mkdir()
    (root / "P01" / "deep" / "x.PNG").write_bytes(b"")
    found = load(root)
    assert [image.subject for image in found.images] == ["P00"] * 2 + ["P01"] * 3 + ["P02"] * 2
    assert found.kind == "folder"
    assert not found.pairs
    assert "1 images beside" in found.notes[0]


def test_an_empty_folder_and_a_link_out_are_refused(tmp_path: Path, people: People) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetError, match="fewer than two"):
        load(tmp_path / "none")
    root = people(2, 2)
    (tmp_path / "outside.png").write_bytes(b"")
    (root / "P00" / "z.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(DatasetError, match="leads out"):
        load(root)


def _csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_of_pairs_tells_people_apart_by_its_pairs(tmp_path: Path) -> None:
    text = '\ufeffpath_a,path_b,same,group\na.png,b.png,1,x\n"b.png",c/c.png,true,x\n\nd.png,a.png,0,y\n'
    found = load(_csv(tmp_path / "p.csv", text))
    assert [image.subject for image in found.images] == ["person-0", "person-0", "person-0", "person-3"]
    assert not found.identified
    assert [(p.reference, p.probe, p.same, p.group) for p in found.pairs][2] == (3, 0, False, "y")


def test_labels_that_disagree_are_noted(tmp_path: Path) -> None:
    found = load(_csv(tmp_path / "p.csv", "path_a,path_b,same\na,b,1\nb,c,1\na,c,0\n"))
    assert any("1 pairs are said to differ" in note for note in found.notes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "first line"),
        ("a,b,c\n", "first line"),
        ("path_a,path_b,same\n", "no pair"),
        ("path_a,path_b,same\na,b\n", "line 2"),
        ("path_a,path_b,same\na,b,maybe\n", "line 2"),
        ("path_a,path_b,same\na,a,1\n", "itself"),
        ("path_a,path_b,same\na,b,1\n../../etc/passwd,b,0\n", "line 3.*leads out"),
        ("path_a,path_b,same\n/etc/passwd,b,0\n", "leads out"),
        ('path_a,path_b,same\n"a,b,1\n', "p.csv"),
        ("path_a,path_b,same,same\na,b,1,1\n", "first line"),
    ],
)
def test_a_wrong_csv_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        load(_csv(tmp_path / "p.csv", text))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(b"path_a,path_b,same\n\xff\xfe,b,1\n")
    with pytest.raises(DatasetError, match=r"p\.csv"):
        load(path)


def test_labels(people: People, tmp_path: Path) -> None:
    root = people(2, 2)
    labels = _csv(tmp_path / "l.csv", "path,skin,age\nP00/P00_0001.png,VI,30\nP01/P01_0002.png,I,\n")
    found = load(root, labels)
    assert [image.groups for image in found.images] == [{"skin": "VI", "age": "30"}, {}, {}, {"skin": "I"}]
    assert "labels: 2 of 4 images" in found.notes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,g\nnobody.png,x\n", "none of its paths"),
        ("path,g\nP00/P00_0001.png,x\nP00/P00_0001.png,y\n", "twice"),
        ("path,g\n../x.png,x\n", "leads out"),
        ("file,g\na,b\n", "first line"),
    ],
)
def test_wrong_labels_are_refused(people: People, tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        load(people(2, 2), _csv(tmp_path / "l.csv", text))


def test_a_root_goes_with_a_csv_only(people: People, tmp_path: Path) -> None:
    root = people(2, 2)
    with pytest.raises(DatasetError, match="--root"):
        load(root, root=root)
    path = _csv(tmp_path / "p.csv", "path_a,path_b,same\nP00/P00_0001.png,P00/P00_0002.png,1\n")
    assert load(path, root=root).root == root


def test_a_limit_keeps_whole_people(people: People) -> None:
    found = load(people(6, 4)).limited(10)
    assert len(found.images) == 8
    assert found.cut
    assert sorted(image.path[4:] for image in found.images) == sorted(
        f"{image.subject}_{n:04d}.png" for image in found.images[::4] for n in range(1, 5)
    )
    with pytest.raises(DatasetError, match="raise it"):
        load(found.root).limited(3)
    with pytest.raises(DatasetError, match="below two"):
        load(found.root).limited(1)


def test_a_limit_of_pairs_keeps_both_kinds_of_every_fold(tmp_path: Path) -> None:
    rows = [f"P{f}\t{2 * k + 1}\t{2 * k + 2}\n" for f in range(2) for k in range(4)]
    rows = [*rows[:4], *(f"P0\t{k + 1}\tQ0\t{k + 1}\n" for k in range(4)), *rows[4:]]
    rows += [f"P1\t{k + 1}\tQ1\t{k + 1}\n" for k in range(4)]
    found = load(_lfw(tmp_path / "lfw", "2\t4\n" + "".join(rows)))
    cut = found.limited(8)
    assert len(cut.images) <= 8
    assert {(pair.fold, pair.same) for pair in cut.pairs} == {(1, True), (1, False), (2, True), (2, False)}
    for pair in cut.pairs:
        same = cut.images[pair.reference].subject == cut.images[pair.probe].subject
        assert same == pair.same
    assert found.limited(10_000) is found


def test_the_digest_sees_every_byte_label_and_pair(people: People, tmp_path: Path) -> None:
    root = people(2, 2)
    first = load(root).digest()
    assert load(root).digest() == first
    path = root / "P00" / "P00_0001.png"
    path.write_bytes(path.read_bytes() + b"\0")
    second = load(root).digest()
    assert second != first
    labels = _csv(tmp_path / "l.csv", "path,g\nP00/P00_0001.png,x\n")
    third = load(root, labels).digest()
    path.unlink()
    os.mkfifo(path)
    assert len({first, second, third, load(root).digest()}) == 4
