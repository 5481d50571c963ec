"""Pictures of every page of the guard console for the docs: dark, light and in Arabic (`make shots`).

1280x800 pixels, reduced to a palette; a file larger than 120 kB is an error.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parent / "support"))

from ui_fake_lane import LaneThread
from ui_rig import ConsoleProcess
from ui_tour import PAGES, VARIANTS, Tour

CHROMIUM = Path("/usr/bin/chromium")
FOLDER = Path(__file__).parents[2] / "docs/images/console"
MOST = 120_000
COLOURS = 256


def reduced(png: bytes) -> bytes:
    """The same picture with a palette."""
    out = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def take(base: Path, wanted: list[str]) -> None:
    """Every page in every variant, or only the pages that are named."""
    consoles: list[ConsoleProcess] = []

    def start(*sockets: Path) -> ConsoleProcess:
        consoles.append(ConsoleProcess(list(sockets), base / "console"))
        return consoles[-1]

    lanes = LaneThread()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
            tour = Tour(browser, lanes, base, start)
            for variant, (language, theme) in VARIANTS.items():
                tour.wear(language, theme)
                for name in wanted or PAGES:
                    picture = reduced(PAGES[name](tour).screenshot())
                    print(f"{name}-{variant}.png {len(picture) // 1000} kB", flush=True)
                    assert len(picture) <= MOST, f"{name}-{variant}: {len(picture)} bytes"
                    (FOLDER / f"{name}-{variant}.png").write_bytes(picture)
            tour.close()
            browser.close()
    finally:
        for console in consoles:
            console.stop()
        lanes.close()


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="shots-") as folder:
        take(Path(folder), sys.argv[1:])
