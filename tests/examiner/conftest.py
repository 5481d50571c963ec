from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def imported(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables imported the way somebody does who renders; only for tests marked `measured`."""
    from hil.examiner.tables import FOLDER, import_tables

    home = tmp_path_factory.mktemp("examiner")
    import_tables(shared / "data", home / FOLDER)
    return home


@pytest.fixture
def tables(imported: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work where the tables are."""
    monkeypatch.chdir(imported)
    return imported
