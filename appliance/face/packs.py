"""Loading a pack by name. Native libraries are imported here, when a pack is loaded, and not before."""

import importlib
from collections.abc import Collection
from pathlib import Path

from appliance.face.trial import prove, proving
from appliance.face.types import FacePack
from appliance.models.catalogue import AUTO, PACKS
from appliance.models.manager import LicenceNotAccepted, PackMissing, advice, check_pack, chosen_pack

__all__ = ["AUTO", "PACKS", "load_pack"]

_MODULES = {
    "open-omz": "appliance.face.open_omz",
    "pypi-dlib": "appliance.face.pypi_dlib",
    "open-mobileface": "appliance.face.open_mobileface",
    "scrfd-omz": "appliance.face.scrfd_omz",
}


def load_pack(pack_id: str, models_dir: Path, accepted: Collection[str] = ()) -> FacePack:
    """Load a pack by name, or with `AUTO` the best available, every file proven by SHA-256.

    `accepted` are packs whose non-commercial licence was accepted.

    Raises ModelError (unknown pack, or one that does not run here), LicenceNotAccepted, PackMissing (with the command
    to run), HashMismatch.
    """
    record = chosen_pack(pack_id, models_dir)
    pack_id = record.pack_id
    if objection := record.objection(accepted):
        raise LicenceNotAccepted(objection)
    check = check_pack(pack_id, models_dir)
    if check.absent_modules:
        raise PackMissing(advice(check))
    module = importlib.import_module(_MODULES[pack_id])
    with proving(f"Pack {pack_id}"):
        pack: FacePack = module.load(models_dir)
        prove(pack)
    return pack
