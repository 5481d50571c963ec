"""The pages' sources: types as the console describes itself, their own unit tests."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WEB = ROOT / "ui/web"


def tool(name: str, *arguments: str) -> None:
    """Run a tool of the pages' lock file."""
    path = WEB / "node_modules/.bin" / name
    assert path.exists(), "the pages' tools are not installed: npm --prefix ui/web ci"
    done = subprocess.run(
        [str(path), *arguments], cwd=WEB, capture_output=True, text=True, env=os.environ | {"CI": "1"}, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_generated_types_are_those_of_the_console(tmp_path: Path) -> None:
    described = subprocess.run(
        [sys.executable, "-m", "ui", "--print-openapi"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (tmp_path / "openapi.json").write_text(described.stdout)
    tool("openapi-typescript", str(tmp_path / "openapi.json"), "-o", str(tmp_path / "schema.d.ts"))
    assert (tmp_path / "schema.d.ts").read_text() == (WEB / "src/lib/schema.d.ts").read_text(), (
        "src/lib/schema.d.ts is out of date: npm --prefix ui/web run types"
    )


def test_the_pages_own_unit_tests() -> None:
    tool("vitest", "run", "--reporter=dot")


def test_the_lock_file_names_no_address_and_nothing_runs_at_install() -> None:
    lock = (WEB / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"hasInstallScript"' not in lock
    packages = json.loads(lock)["packages"]
    assert all("integrity" in entry for path, entry in packages.items() if path), "an unpinned package"


def test_built_pages_hold_no_inline_code_and_no_foreign_address() -> None:
    static = ROOT / "ui/static"
    pages = sorted(static.glob("*.html"))
    assert [page.name for page in pages] == ["guard.html", "traveller.html"], (
        "build the pages: npm --prefix ui/web ci && npm --prefix ui/web run build"
    )
    for page in pages:
        text = page.read_text()
        assert re.search(r"<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=", text) is None, page
        assert re.search(r"https?://", text) is None, page
