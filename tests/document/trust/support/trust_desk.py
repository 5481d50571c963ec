"""The desk of an operator who imports into a trust store: a root, a list signer, two issuers."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from trust_pki import (
    NOW,
    YESTERDAY,
    Party,
    Signer,
    list_signer,
    make_csca,
    make_key,
    master_list,
)

from appliance.document.reasons import DocumentFault, Reason
from appliance.document.trust import imports
from appliance.document.trust.imports import Import
from appliance.document.trust.store import load

ROOT = make_csca(Signer(make_key("p384", 40), "sha384"), country="DE", common="CSCA DE")
LISTER = list_signer(ROOT)
NL = make_csca()
BE = make_csca(Signer(make_key("rsa2048", 41)), country="BE", common="CSCA BE")
FINGERPRINT = hashlib.sha256(ROOT.raw).hexdigest()


class Desk:
    """An operator's desk: a folder with downloads and the store."""

    def __init__(self, base: Path) -> None:
        self.base, self.store = base, base / "trust"

    def file(self, called: str, data: bytes) -> Path:
        path = self.base / called
        path.write_bytes(data)
        return path

    def import_list(self, data: bytes | None = None, **how: Any) -> str:
        file = self.file("list.ml", data if data is not None else a_list())
        given = {"root": self.file("root.cer", ROOT.raw), "fingerprint": FINGERPRINT}
        given |= {key: how.pop(key) for key in ("root", "fingerprint") if key in how}
        return imports.master_list(Import(self.store, NOW, **how), file, **given)

    def import_crl(self, data: bytes, **how: Any) -> str:
        return imports.crl(Import(self.store, NOW, **how), self.file("a.crl", data))

    def unavailable(self, **how: Any) -> str:
        with pytest.raises(DocumentFault) as caught:
            load(self.store, **how)
        assert caught.value.reason is Reason.TRUST_UNAVAILABLE
        return caught.value.detail


def a_list(*more: Party, by: Party = LISTER, **how: Any) -> bytes:
    told = {"signed_at": YESTERDAY, **how}
    return master_list([ROOT.raw, NL.raw, *(one.raw for one in more)], by, **told)
