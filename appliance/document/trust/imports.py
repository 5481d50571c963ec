"""What may come into the trust store, and what it replaces: master lists, single CSCA certificates, CRLs.

Each import is proven before anything is written, and says what it did in a sentence. Not responsible for fetching.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from appliance.document.reasons import DocumentFault
from appliance.document.trust.certificate import Certificate, Crl, certificate, revocation_list
from appliance.document.trust.keys import public_key
from appliance.document.trust.masterlist import verified
from appliance.document.trust.store import LARGEST_FILE, Kind, Source, load, read_manifest, write

_HEX = re.compile(r"[0-9a-f]{64}")


class ImportRefused(Exception):
    """Nothing was written. The message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Import:
    """How: into which folder, at what time (UTC), whether older material may replace newer, whether only to try."""

    folder: Path
    now: datetime
    allow_older: bool = False
    dry_run: bool = False

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Nobody else imports meanwhile: two at once would each drop what the other has added. Raises OSError."""
        if self.dry_run:
            yield
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def keep(self, old: tuple[Source, ...], new: Source, *files: bytes, instead_of: tuple[Source, ...] = ()) -> None:
        """Put a source and its files in force in place of others. Raises OSError."""
        if not self.dry_run:
            write(self.folder, (*(one for one in old if one not in instead_of), new), files)

    def source(self, kind: Kind, data: bytes, *, country: str, signed: str, name: str, root: str = "") -> Source:
        """The manifest's row for a file imported now."""
        imported = self.now.isoformat(timespec="seconds")
        return Source(kind, hashlib.sha256(data).hexdigest(), country, signed, imported, name, root)


def master_list(how: Import, file: Path, *, root: Path, fingerprint: str) -> str:
    """Import a master list under a root that was checked by fingerprint; it replaces the list of the same state.

    Raises ImportRefused, OSError, and DocumentFault(TRUST_UNAVAILABLE) when the store there is broken.
    """
    data, anchor = _read(file), _pinned(root, fingerprint)
    try:
        found = verified(data, anchor)
    except DocumentFault as fault:
        raise ImportRefused(
            f"{file} is not proven by {root}: {fault.detail}. Fetch both again, and see that they belong together."
        ) from fault
    if found.signed > how.now:
        raise ImportRefused(f"{file} was signed at {found.signed}, which is not yet: is this machine's clock right?")
    if not anchor.is_valid(how.now.date()):
        raise ImportRefused(f"{root} is not valid any more: fetch the state's present root and its fingerprint.")
    signed, country = found.signed.astimezone(UTC).isoformat(timespec="seconds"), anchor.country
    new = how.source(Kind.LIST, data, country=country, signed=signed, name=file.name, root=_fingerprint(anchor.raw))
    with how.exclusively():
        sources = read_manifest(how.folder)
        same = tuple(one for one in sources if one.kind is Kind.LIST and one.country == country)
        if not how.allow_older and any(one.signed > signed for one in same):
            raise ImportRefused(
                f"{file} was signed at {signed}; the list of {country} in {how.folder} is newer. "
                "An old list brings back issuers that were taken out: --allow-older if you are sure."
            )
        how.keep(sources, new, data, anchor.raw, instead_of=same)
    states = len({one.country for one in found.certificates})
    lost = f"; {found.unreadable} more cannot be read and are left out" if found.unreadable else ""
    return f"{len(found.certificates)} certificates of {states} states, signed by {country} at {signed}{lost}."


def csca(how: Import, file: Path, *, fingerprint: str) -> str:
    """Import one CSCA certificate that was checked by fingerprint. As above."""
    found = _pinned(file, fingerprint)
    if not found.country:
        raise ImportRefused(f"{file} names no country: it is no CSCA's certificate.")
    if found.usages is not None and "key_cert_sign" not in found.usages:
        raise ImportRefused(f"{file} may not sign certificates: it is a signer's, not a CSCA's. Ask for the CSCA's.")
    try:
        public_key(found.public_key_info)
    except DocumentFault as fault:
        raise ImportRefused(f"{file} has a key that cannot be used here: {fault.detail}.") from fault
    signed, digest = found.not_before.isoformat(), _fingerprint(found.raw)
    new = how.source(Kind.CSCA, found.raw, country=found.country, signed=signed, name=file.name, root=digest)
    with how.exclusively():
        sources = read_manifest(how.folder)
        same = tuple(one for one in sources if one.kind is Kind.CSCA and one.root == digest)
        how.keep(sources, new, found.raw, instead_of=same)
    return f"CSCA of {found.country}, valid {found.not_before} to {found.not_after}."


def crl(how: Import, file: Path) -> str:
    """Import a revocation list that a CSCA in the store has signed; it replaces the issuer's. As above."""
    with how.exclusively():
        return _crl(how, file)


def _crl(how: Import, file: Path) -> str:
    try:
        found = revocation_list(_read(file))
        held = load(how.folder)
    except DocumentFault as fault:
        raise ImportRefused(f"{file} is not imported: {fault.detail}.") from fault
    if not held.anchors.signers_of(found):
        raise ImportRefused(
            f"{file} is signed by no CSCA of {found.country or 'any state'} in {how.folder}. "
            "Import the master list that holds its issuer first, and see that the file is whole."
        )
    today = how.now.date()
    if not how.allow_older and not found.is_fresh(today):
        raise ImportRefused(
            f"{file} of {found.this_update}, next due {found.next_update}, is not in force today. Fetch a newer one."
        )
    same = tuple(one for one in held.anchors.crls if held.anchors.same_line(found, one))
    _refuse_older(how, file, found, same)
    replaced = {_fingerprint(one.raw) for one in same}
    new = how.source(Kind.CRL, found.raw, country=found.country, signed=found.this_update.isoformat(), name=file.name)
    old = tuple(one for one in held.sources if one.kind is Kind.CRL and one.sha256 in replaced)
    how.keep(held.sources, new, found.raw, instead_of=old)
    return f"CRL of {found.country}: {len(found.revoked)} revoked, {_until(found, today)}."


def _refuse_older(how: Import, file: Path, found: Crl, same: tuple[Crl, ...]) -> None:
    if how.allow_older:
        return
    for one in same:
        if (one.this_update, one.number or 0) > (found.this_update, found.number or 0):
            raise ImportRefused(
                f"{file} of {found.this_update} is older than the CRL of {one.this_update} in {how.folder}. "
                "An old one forgets revocations: --allow-older if you are sure."
            )


def _until(found: Crl, today: date) -> str:
    due = found.next_update
    return f"fresh until {due}" if due is not None and due >= today else f"STALE since {due}"


def _pinned(file: Path, fingerprint: str) -> Certificate:
    """The certificate of a file, which must have this fingerprint."""
    try:
        found = certificate(_read(file))
    except DocumentFault as fault:
        raise ImportRefused(f"{file} is no certificate (DER or PEM).") from fault
    wanted = re.sub(r"[\s:.-]", "", fingerprint).lower()
    if not _HEX.fullmatch(wanted):
        raise ImportRefused("A SHA-256 fingerprint has 64 hexadecimal digits; colons and spaces do not matter.")
    if _fingerprint(found.raw) != wanted:
        raise ImportRefused(
            f"{file} has another fingerprint than the one you gave: the file or the fingerprint is not the issuer's. "
            "Get both again, by two ways that do not depend on each other."
        )
    return found


def _fingerprint(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        data = stream.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise ImportRefused(f"{file} is larger than any list ({LARGEST_FILE // 1024 // 1024} MB).")
    return data
