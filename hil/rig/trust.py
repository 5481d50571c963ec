"""What the rig's lane believes: Utopia, imported into a trust store as an operator imports a state's lists."""

import hashlib
from datetime import datetime
from pathlib import Path

from appliance.document.trust import imports
from hil.passport.choices import Freshness
from hil.passport.trust import root, write_trust


def fingerprint() -> str:
    """SHA-256 of the root that the lane pins."""
    return hashlib.sha256(root().der).hexdigest()


def import_trust(store: Path, files: Path, now: datetime, freshness: Freshness = Freshness.FRESH) -> None:
    """Write Utopia's lists into `files` and import them into `store`."""
    how = imports.Import(store, now)
    written = write_trust(files, now, freshness)
    imports.master_list(how, files / "masterlist.ml", root=files / "root.cer", fingerprint=fingerprint())
    for path in written:
        if path.suffix == ".crl":
            imports.crl(how, path)
