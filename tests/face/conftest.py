from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Weights imported the way an operator does; an empty folder where there are none (pypi-dlib needs none)."""
    from appliance.models.manager import import_from

    folder = tmp_path_factory.mktemp("models")
    if any(item.get_closest_marker("measured") for item in request.session.items):
        import_from(request.getfixturevalue("shared"), folder)
    return folder
