"""The cast: its records, and that real matchers tell its members apart."""

import json
from dataclasses import replace

import pytest

from appliance.face.packs import load_pack
from appliance.models.manager import import_from
from hil.scene import CAST, Pose, UnknownTraveller, castcheck, traveller
from hil.scene.cast import load_cast
from hil.scene.castcheck import DISCLAIMER, View, score_matrix
from hil.scene.traits import TRAITS, complete

FRONTAL, TURNED = View(Pose(), "neutral"), View(Pose(yaw_deg=12), "one-sided")


def test_cast_is_large_enough_and_unique():
    assert len(CAST) >= 8
    assert len({who.key for who in CAST}) == len({who.document_number for who in CAST}) == len(CAST)
    assert {who.sex for who in CAST} == {"F", "M"}


def test_unknown_traveller_names_those_there_are():
    with pytest.raises(UnknownTraveller, match=r"nobody.*amara"):
        traveller("nobody")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"nose_lenght": 1.0}, "unknown trait 'nose_lenght'"),
        ({"tone": 9.0}, "tone = 9.0 is outside"),
        ({"eye_x": float("nan")}, "eye_x"),
    ],
)
def test_wrong_traits_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        complete(params)


def test_defaults_lie_inside_their_ranges():
    assert complete({}) == {name: default for name, (_, _, default) in TRAITS.items()}
    assert complete({name: default for name, (_, _, default) in TRAITS.items()})


def test_a_double_key_is_refused():
    record = {
        "key": "a",
        "surname": "A",
        "given_names": "B",
        "sex": "F",
        "date_of_birth": "1990-01-01",
        "document_number": "L1",
        "params": {},
    }
    with pytest.raises(ValueError, match="same key"):
        load_cast(json.dumps([record, record]))


@pytest.fixture(scope="module")
def dlib_pack(tmp_path_factory):
    return load_pack("pypi-dlib", tmp_path_factory.mktemp("models"))


def test_dlib_tells_the_cast_apart(dlib_pack):
    result = score_matrix(
        dlib_pack, cast=[traveller(key) for key in ("amara", "bjorn", "ines", "hugo")], views=[TURNED]
    )
    assert result.passed, (result.wrong, result.missed)
    assert len(result.scores) == 4 * 4
    assert result.worst_genuine.score < 0.5 < result.worst_impostor.score


def test_the_check_fails_on_a_double(dlib_pack):
    double = replace(traveller("bjorn"), key="double")
    result = score_matrix(dlib_pack, cast=[traveller("bjorn"), double], views=[FRONTAL])
    assert not result.passed
    assert {(one.portrait, one.live) for one in result.wrong} == {("bjorn", "double"), ("double", "bjorn")}


def test_a_face_that_cannot_be_found_fails_the_check(dlib_pack):
    away = View(Pose(yaw_deg=80), "neutral")
    result = score_matrix(dlib_pack, cast=[traveller("bjorn")], views=[away])
    assert not result.passed
    assert result.missed == (f"bjorn: no usable face in {away}",)


def test_eyes_are_80_to_120_pixels_apart_in_the_gate_and_90_in_the_portrait(dlib_pack):
    import cv2
    import numpy as np

    from hil.scene import Light, Sensor, bona_fide, render_portrait

    live = Sensor(np.random.default_rng(0)).rgb(bona_fide(traveller("bjorn")), Light())
    portrait = cv2.imdecode(np.frombuffer(render_portrait(traveller("bjorn")), np.uint8), cv2.IMREAD_COLOR)
    assert 80 <= dlib_pack.detect(live)[0].inter_eye_distance <= 120
    assert dlib_pack.detect(portrait)[0].inter_eye_distance >= 90


@pytest.fixture(scope="module")
def omz_pack(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    import_from(shared / "models", folder)
    return load_pack("open-omz", folder)


@pytest.mark.measured
def test_open_omz_tells_the_cast_apart(omz_pack):
    result = score_matrix(
        omz_pack, cast=[traveller(key) for key in ("chiyo", "dario", "greta", "jomo")], views=[TURNED]
    )
    assert result.passed, (result.wrong, result.missed)


def test_the_command_fails_on_a_double_and_claims_nothing(monkeypatch, capsys, tmp_path):
    double = replace(traveller("bjorn"), key="double")
    monkeypatch.setattr(castcheck, "CAST", (traveller("bjorn"), double))
    monkeypatch.setattr(castcheck, "VIEWS", (FRONTAL,))
    assert castcheck.main(["--pack", "pypi-dlib", "--dir", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "worst impostor" in printed
    assert DISCLAIMER in " ".join(printed.split())


def test_the_command_says_how_to_get_a_missing_pack(capsys, tmp_path):
    assert castcheck.main(["--pack", "open-omz", "--dir", str(tmp_path)]) == 2
    assert "appliance models" in capsys.readouterr().err
