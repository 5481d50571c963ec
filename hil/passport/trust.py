"""What a lane must trust to read the virtual passports: a master list with its root, the CSCAs, revocation lists."""

from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from hil.passport.choices import Freshness
from hil.passport.pki import (
    CSCA_SCHEMES,
    CSCA_VALIDITY,
    MASTER_LIST_SIGNING,
    RURITANIA,
    UTOPIA,
    Authority,
    Profile,
    certify,
    csca,
    document_signer,
    link,
    name_of,
    revocation_list,
)
from hil.passport.signed import master_list
from hil.passport.signing import Scheme, Signer

REVOKED, REVOKED_SCHEME = "revoked", Scheme.of("ecdsa-bp256-sha256")
"""Label of the document signers that revocation lists name, and how they sign."""
_CRL_LIFE = timedelta(days=90)


@lru_cache(maxsize=1)
def root() -> Authority:
    """Who certifies the signer of the master list; its fingerprint is what a lane pins."""
    signer = Signer("master list root", Scheme.of("ecdsa-p384-sha384-named"))
    return certify(signer, Profile(name_of(UTOPIA, "Master List Root Utopia"), CSCA_VALIDITY, ca=True))


def _list_signer() -> Authority:
    profile = Profile(
        name_of(UTOPIA, "Master List Signer Utopia"), CSCA_VALIDITY, issuer=root(), purpose=MASTER_LIST_SIGNING
    )
    return certify(Signer("master list signer", Scheme.of("ecdsa-p256-sha256-named")), profile)


def issuers() -> dict[str, Authority]:
    """Every CSCA whose documents are to be trusted, by a short name.

    The second of Utopia's for ECDSA is in the master list through its link certificate alone.
    """
    found = {f"{UTOPIA.alpha2}-{kind}-1": csca(kind) for kind in CSCA_SCHEMES}
    found[f"{UTOPIA.alpha2}-ecdsa-2"] = csca("ecdsa", generation=2)
    found[f"{RURITANIA.alpha2}-ecdsa-1"] = csca("ecdsa", state=RURITANIA)
    return found


def utopian_master_list(now: datetime) -> bytes:
    """The master list of all issuers, signed now."""
    second = csca("ecdsa", generation=2)
    listed = [one.der for one in issuers().values() if one is not second]
    return master_list([*listed, link(second, csca("ecdsa")).der], _list_signer(), root=root(), at=now)


def revocation_lists(now: datetime, freshness: Freshness = Freshness.FRESH) -> dict[str, bytes]:
    """A CRL of every issuer; those of issuers with ECDSA revoke the document signer with the label REVOKED."""
    if freshness is Freshness.NONE:
        return {}
    start = now - (timedelta(days=1) if freshness is Freshness.FRESH else 4 * _CRL_LIFE)
    lists = {}
    for name, issuer in issuers().items():
        revoked: tuple[int, ...] = ()
        if issuer.signer.scheme.kind == "ecdsa":
            revoked = (document_signer(REVOKED_SCHEME, issuer, label=REVOKED).certificate.serial_number,)
        lists[name] = revocation_list(issuer, revoked, (start, start + _CRL_LIFE))
    return lists


def write_trust(folder: Path, now: datetime, freshness: Freshness = Freshness.FRESH) -> list[Path]:
    """Write all of it into a folder (made if absent), and return the paths.

    `now` is when the master list is signed; the revocation lists begin a day before.
    """
    files = {"masterlist.ml": utopian_master_list(now), "root.cer": root().der}
    files |= {f"{name}.cer": one.der for name, one in issuers().items()}
    files |= {f"{name}.crl": one for name, one in revocation_lists(now, freshness).items()}
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, data in files.items():
        paths.append(folder / name)
        paths[-1].write_bytes(data)
    return paths
