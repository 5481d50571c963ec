"""The stories and corners of the safety core reach every branch of it, without the exhaustive search."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FAST = ("test_passage.py", "test_passage_corners.py", "test_officer_actions.py", "test_interlock.py")


def test_every_branch_of_the_safety_core_is_reached(tmp_path: Path) -> None:
    data, told = tmp_path / "data", tmp_path / "told.json"
    coverage = [sys.executable, "-m", "coverage"]
    options = [f"--data-file={data}", f"--rcfile={ROOT / 'pyproject.toml'}"]
    pytest = ["-m", "pytest", "-q", *(str(Path(__file__).with_name(name)) for name in FAST)]
    subprocess.run([*coverage, "run", *options, *pytest], cwd=ROOT, check=True, capture_output=True, timeout=100)
    subprocess.run([*coverage, "json", *options, "-o", str(told)], cwd=ROOT, check=True, capture_output=True)
    figures = json.loads(told.read_text(encoding="utf-8"))
    missed = {
        name: (file["missing_lines"], file["missing_branches"])
        for name, file in figures["files"].items()
        if file["missing_lines"] or file["missing_branches"]
    }
    assert not missed
    assert figures["totals"]["num_branches"] > 150, "too little was measured to speak of every branch"
