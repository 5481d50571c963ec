"""Whatever a lane or the server can say to a guard stands in the catalogue of every language."""

import json
import os
import subprocess
from pathlib import Path

from ui_sentences import SPOKEN, collected

WEB = Path(__file__).parents[2] / "ui/web"


def test_every_sentence_of_lanes_and_server_can_be_said_in_every_language() -> None:
    sentences = collected()
    assert "The chip was not read." in sentences
    assert "too many tries; wait 7 s" in sentences
    done = subprocess.run(
        [str(WEB / "node_modules/.bin/vitest"), "run", "--reporter=dot", "src/lib/catalogues.test.ts"],
        cwd=WEB,
        capture_output=True,
        text=True,
        env=os.environ | {"CI": "1", "VITE_LANE_SENTENCES": json.dumps(sentences)},
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


def test_the_collector_reads_every_module_it_names() -> None:
    root = WEB.parents[1]
    assert [path for path in SPOKEN if not (root / path).exists()] == []
