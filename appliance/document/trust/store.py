"""The trust store on disk: what was imported, kept as it came, and proven again whenever it is loaded.

A folder with `manifest.json` and the imported files, named by their SHA-256. Loading compares every hash and verifies
the signature of every master list; the hundreds of certificates inside stand by it, and a revocation list is verified
when it is first asked for. What the folder's owner could forge is which roots there are, so a lane pins those.

Not responsible for fetching anything, nor for deciding what comes in (`imports`).
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from appliance.document.reasons import DocumentFault, Reason
from appliance.document.trust.anchors import Anchors
from appliance.document.trust.certificate import Certificate, Crl, certificate, revocation_list
from appliance.document.trust.masterlist import verified

MANIFEST, FILES = "manifest.json", "files"
FORMAT = 1
LARGEST_FILE = 32 * 1024 * 1024
LARGEST_MANIFEST = 1024 * 1024


class Kind(StrEnum):
    """What can be imported."""

    LIST = "master list"
    CSCA = "CSCA"
    CRL = "CRL"


@dataclass(frozen=True, slots=True)
class Source:
    """One imported file: its SHA-256, whose it is, when it was signed and imported (ISO 8601, UTC), what it was called.

    `root` is the SHA-256 of the certificate a person pinned for it: a list's root, a single CSCA itself, "" of a CRL.
    """

    kind: Kind
    sha256: str
    country: str
    signed: str
    imported: str
    name: str
    root: str = ""


@dataclass(frozen=True, slots=True)
class Store:
    """A loaded store: what was imported, the trusted issuers and revocation lists, certificates that cannot be read."""

    sources: tuple[Source, ...]
    anchors: Anchors
    unreadable: int

    @property
    def roots(self) -> frozenset[str]:
        """The fingerprints all of it hangs on: what a lane pins."""
        return frozenset(one.root for one in self.sources if one.root)


def load(folder: Path, pinned: frozenset[str] | None = None) -> Store:
    """The store of a folder, proven. With `pinned`, every root must be one of these (SHA-256, lower-case hex).

    Raises DocumentFault(TRUST_UNAVAILABLE), whose detail says what is wrong and what to do.
    """
    sources = read_manifest(folder)
    if not sources:
        raise _unavailable(f"{folder} holds no trusted issuer. Import a master list: appliance trust import")
    certificates: list[Certificate] = []
    crls: list[Crl] = []
    unreadable = 0
    for one in sources:
        if pinned is not None and one.root and one.root not in pinned:
            raise _unavailable(f"{one.name} hangs on the root {one.root}, which this lane does not pin")
        try:
            match one.kind:
                case Kind.LIST:
                    found = verified(_file(folder, one.sha256), certificate(_file(folder, one.root)))
                    certificates += found.certificates
                    unreadable += found.unreadable
                case Kind.CSCA:
                    certificates.append(certificate(_file(folder, one.root)))
                case Kind.CRL:
                    crls.append(revocation_list(_file(folder, one.sha256)))
        except DocumentFault as fault:
            raise _unavailable(f"{one.kind} {one.name} in {folder}: {fault.detail}. Import it again.") from fault
    return Store(sources, Anchors(certificates, crls), unreadable)


def read_manifest(folder: Path) -> tuple[Source, ...]:
    """What was imported; nothing when there is no store yet. Raises DocumentFault(TRUST_UNAVAILABLE)."""
    path = folder / MANIFEST
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST_MANIFEST + 1)
        if len(raw) > LARGEST_MANIFEST:
            raise ValueError("too large")
        told = json.loads(raw)
        if told["format"] != FORMAT:
            raise ValueError("of another format")
        return tuple(_source(one) for one in told["sources"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _unavailable(f"{path} cannot be read. Restore the folder, or remove it and import again.") from error


def _source(told: dict[str, Any]) -> Source:
    """A row of the manifest. Raises ValueError, TypeError, KeyError for one that nobody here wrote."""
    if not all(isinstance(value, str) for value in told.values()):
        raise TypeError("a row of other things than text")
    source = Source(**{**told, "kind": Kind(told["kind"])})
    datetime.fromisoformat(source.signed)
    return source


def write(folder: Path, sources: Iterable[Source], files: Iterable[bytes]) -> None:
    """Add files and put the manifest in force, in one step; then drop what it no longer names. Raises OSError."""
    sources = tuple(sources)
    (folder / FILES).mkdir(parents=True, exist_ok=True)
    for data in files:
        _replace(folder / FILES / hashlib.sha256(data).hexdigest(), data)
    told = {"format": FORMAT, "sources": [asdict(one) for one in sources]}
    _replace(folder / MANIFEST, json.dumps(told, indent=1).encode() + b"\n")
    named = {name for one in sources for name in (one.sha256, one.root)}
    for path in (folder / FILES).iterdir():
        if path.name not in named:
            path.unlink()


def _file(folder: Path, sha256: str) -> bytes:
    """An imported file with just this hash, which also keeps a name like `../..` from naming another. DocumentFault."""
    try:
        with (folder / FILES / Path(sha256).name).open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise _unavailable("its file is missing") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _unavailable("its file was changed")
    return data


def _replace(target: Path, data: bytes) -> None:
    """Written beside, synchronised, renamed: whoever reads sees the old file or the new one, whole."""
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _unavailable(detail: str) -> DocumentFault:
    return DocumentFault(Reason.TRUST_UNAVAILABLE, detail)
