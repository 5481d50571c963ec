"""Only the proven tables are taken, all of them or none."""

import pytest
from typer.testing import CliRunner

from hil.examiner import spectra
from hil.examiner.__main__ import app
from hil.examiner.tables import FILES, TableError, columns, import_tables


def test_a_folder_without_the_tables_imports_nothing(tmp_path):
    into = tmp_path / "into"
    with pytest.raises(TableError, match="cannot be read"):
        import_tables(tmp_path, into)
    assert not into.exists()


def test_tables_with_other_content_import_nothing(tmp_path):
    source, into = tmp_path / "source", tmp_path / "into"
    source.mkdir()
    for name in FILES:
        (source / name).write_text("nm,s1\n400,0.5\n")
    with pytest.raises(TableError, match=r"SHA-256 is .*not used"):
        import_tables(source, into)
    assert not into.exists()


def test_a_table_changed_after_the_import_is_refused(tmp_path):
    (tmp_path / "sensor_qe.csv").write_text("nm,LUCID_TRI071S_M_IMX428\n400,1.0\n")
    with pytest.raises(TableError, match="not used"):
        columns("sensor_qe.csv", tmp_path)


def test_the_command_says_what_is_missing(tmp_path):
    result = CliRunner().invoke(app, ["import", str(tmp_path), "--tables", str(tmp_path / "into")])
    assert result.exit_code == 2
    assert "python -m hil.examiner import" in result.output


def test_rendering_without_tables_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spectra._sensors.cache_clear()
    result = CliRunner().invoke(app, ["render", str(tmp_path / "out"), "--bona-fide", "1", "--per-species", "0"])
    assert result.exit_code == 2
    assert "optional import" in result.output


@pytest.mark.measured
def test_the_right_tables_are_imported_whole(shared, tmp_path):
    result = CliRunner().invoke(app, ["import", str(shared / "data"), "--tables", str(tmp_path / "into")])
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "into").iterdir()) == sorted(FILES)


@pytest.mark.measured
def test_one_wrong_table_among_right_ones_imports_nothing(shared, tmp_path):
    source, into = tmp_path / "source", tmp_path / "into"
    import_tables(shared / "data", source)
    with (source / "astm_g173_400_1700.csv").open("ab") as stream:
        stream.write(b"\n")
    with pytest.raises(TableError, match="astm_g173"):
        import_tables(source, into)
    assert not into.exists()
