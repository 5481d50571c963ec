"""The texts of the traveller display, by language. Test only."""

import json
from pathlib import Path
from typing import Any

CATALOGUES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).parents[3] / "ui/web/src/texts").glob("*.json"))
}
