"""Loading a pack by name. Native libraries are imported here, when a pack is loaded, and not before."""

import importlib
from pathlib import Path

from appliance.face.types import FacePack
from appliance.models.catalogue import PACKS
from appliance.models.manager import PackMissing, advice, best_available, check_pack, pack_record

__all__ = ["PACKS", "best_available", "load_pack"]

_MODULES = {"open-omz": "appliance.face.open_omz", "pypi-dlib": "appliance.face.pypi_dlib"}


def load_pack(pack_id: str, models_dir: Path) -> FacePack:
    """Load a pack, every file proven by SHA-256.

    Raises ModelError (unknown pack), PackMissing (with the command to run), HashMismatch.
    """
    pack_record(pack_id)
    check = check_pack(pack_id, models_dir)
    if check.absent_modules:
        raise PackMissing(advice(check))
    pack: FacePack = importlib.import_module(_MODULES[pack_id]).load(models_dir)
    return pack
