"""The small issuer in `support` can be imported, also where the tests run outside of the tree."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))
