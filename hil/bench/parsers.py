"""What hostile bytes do to everything that reads a document: genuine files, spoilt at random, and how each ends.

`python -m hil.bench.parsers --seeds FOLDER --inputs 100000`. Each file of the folder is given to every parser, and is
a seed of those that take it. A value or a refusal by its own exception is an end as it should be; anything else is a
defect, printed with the seed of its randomness, and the exit code is 1. Not here: chips that lie in their protocol.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from rich.console import Console
from rich.progress import track
from rich.table import Table

from appliance.document.chip.security_infos import SecurityInfos
from appliance.document.lds import groups
from appliance.document.lds.portrait import portrait
from appliance.document.lds.sod import card_security, security_object
from appliance.document.lds.sod import sod as parse_sod
from appliance.document.mrz import MrzError
from appliance.document.mrz import parse as parse_mrz
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import TlvError, build
from appliance.document.tlv import parse as parse_tlv
from appliance.document.trust.active import verify
from appliance.document.trust.anchors import Anchors
from appliance.document.trust.certificate import certificate, revocation_list
from appliance.document.trust.masterlist import contents
from appliance.document.trust.passive import authenticate
from appliance.document.trust.signatures import Policy
from hil.mrz.zone import drawn

Parse = Callable[[bytes], object]
LARGEST_SEED = 32 * 1024
INPUTS = 100_000
_SEED = 9303
_WIDTH = 120
_DAY = date(2026, 11, 28)
_EXTREMES = (b"\x80", b"\x81\xff", b"\x82\xff\xff", b"\x84\xff\xff\xff\xff", b"\x00", b"\xff", b"\x1f\x80", b"\x30\x80")


def mutated(data: bytes, random: Random) -> bytes:
    """`data` with one to four changes: bits, bytes, lengths, pieces doubled, moved or cut off."""
    for _ in range(random.randint(1, 4)):
        at, size = random.randint(0, len(data)), random.randint(1, 16)
        match random.randint(0, 6):
            case 0 | 1:
                data = data[:at] + bytes(one ^ 1 << random.randint(0, 7) for one in data[at : at + 1]) + data[at + 1 :]
            case 2:
                data = data[:at] + bytes((random.randint(0, 255),)) + data[at + 1 :]
            case 3:
                extreme = random.choice(_EXTREMES)
                data = data[:at] + extreme + data[at + len(extreme) * random.randint(0, 1) :]
            case 4:
                data = data[:at] + data[at + size :]
            case 5:
                start = random.randint(0, len(data))
                data = data[:at] + data[start : start + size] + data[at:]
            case 6:
                data = data[:at]
    return data


@dataclass(slots=True)
class Count:
    """How the inputs to one parser ended; `slowest` in seconds of CPU."""

    ends: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    defects: list[str] = field(default_factory=list)


def run(count: Count, parse: Parse, data: bytes, *, label: str) -> None:
    """Give one input to a parser and count how it ends."""
    begun = time.process_time()
    try:
        parse(data)
        count.ends["value"] += 1
    except (DocumentFault, TlvError, MrzError):
        count.ends["refused"] += 1
    except Exception as error:
        count.ends["DEFECT"] += 1
        count.defects.append(f"{label}: {error!r}")
    count.slowest = max(count.slowest, time.process_time() - begun)


def parsers(anchors: Anchors) -> dict[str, Parse]:
    """Everything that reads what a document or a list holds."""

    def zone(data: bytes) -> object:
        return parse_mrz(tuple(data.decode("latin-1").split("\n")), _DAY)

    def keys(infos: SecurityInfos) -> object:
        return [info.key() for info in infos.chip_keys], [info.group() for info in infos.pace_domain]

    def passive(data: bytes) -> object:
        found = authenticate(data, {1: b"", 2: b""}, issuer="D<<", on=_DAY, anchors=anchors, policy=Policy())
        if found.facts.signer_country == "":
            raise DocumentFault(*found.findings[0])
        return found

    def active(data: bytes) -> object:
        try:
            verify(data, challenge=bytes(8), response=bytes(128), digest="sha256")
        except DocumentFault as fault:
            if fault.reason is not Reason.ACTIVE_AUTHENTICATION_FAILED:
                raise
        return "the key was read and asked"

    return {
        "MRZ": zone,
        "TLV": parse_tlv,
        "EF.CardAccess": lambda data: keys(SecurityInfos.parse(data)),
        "EF.COM": groups.common,
        "DG1": groups.mrz_lines,
        "DG2": portrait,
        "DG12": groups.date_of_issue,
        "DG14": groups.active_authentication_hash,
        "keys of DG14": lambda data: keys(SecurityInfos.parse_dg14(data)),
        "DG15": groups.public_key_info,
        "active authentication": active,
        "SOD": parse_sod,
        "security object": security_object,
        "passive authentication": passive,
        "EF.CardSecurity": card_security,
        "certificate": certificate,
        "CRL": revocation_list,
        "master list": contents,
    }


def seeds(files: Sequence[bytes]) -> tuple[list[bytes], Anchors]:
    """Files that are small enough, what is inside of them, zones and a CRL of our own; trust in their certificates."""
    found = [*(data for data in files if len(data) <= LARGEST_SEED), _crl(), *_zones()]
    certificates = []
    for data in tuple(found):
        for parse in (parse_sod, card_security):
            try:
                signed = parse(data)
            except DocumentFault:
                continue
            found += [signed.content, *signed.certificates]
        try:
            certificates.append(certificate(data))
        except DocumentFault:
            continue
    inside = b"".join(one.raw for one in certificates[:4])
    found.append(build(0x30, b"\x02\x01\x00" + build(0x31, inside)))
    found += [build(tag, b"\x5f\x26\x0820240229") for tag in (0x6C, 0x75)]
    return found, Anchors(certificates)


def _zones() -> list[bytes]:
    return ["\n".join(drawn(Random(_SEED), size)).encode() for size in ("TD1", "TD2", "TD3")]


def _crl() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "NL")])
    now = datetime(2026, 11, 28, tzinfo=UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(now)
    builder = builder.next_update(now + timedelta(days=30)).add_extension(x509.CRLNumber(7), critical=False)
    for serial in (1, 2**80):
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
        )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def taken(parse: Parse, data: bytes) -> bool:
    """Whether a parser takes this file as it is."""
    count = Count()
    run(count, parse, data, label="as it is")
    return count.ends["value"] == 1


def measure(files: Sequence[bytes], inputs: int, seed: int) -> dict[str, Count]:
    """Spoil the files `inputs` times, evenly over the parsers that have a seed."""
    found, anchors = seeds(files)
    pairs = {
        name: (parse, corpus)
        for name, parse in parsers(anchors).items()
        if (corpus := [data for data in found if taken(parse, data)])
    }
    counts = {name: Count() for name in pairs}
    random = Random(seed)
    for number in track(range(inputs), description="spoiling", console=Console(stderr=True), transient=True):
        name = list(pairs)[number % len(pairs)]
        parse, corpus = pairs[name]
        label = f"{name}, input {number} of seed {seed}"
        run(counts[name], parse, mutated(random.choice(corpus), random), label=label)
    return counts


def main() -> int:
    """Print the table; 1 when anything ended as it should not."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seeds", type=Path, required=True, help="folder with genuine files, searched to the bottom")
    asked.add_argument("--inputs", type=int, default=INPUTS)
    asked.add_argument("--seed", type=int, default=_SEED, help="of the randomness")
    options = asked.parse_args()
    files = [path.read_bytes() for path in sorted(options.seeds.rglob("*")) if path.is_file()]
    counts = measure(files, options.inputs, options.seed)
    table = Table("parser", "inputs", "value", "refused", "defects", "slowest, ms")
    for name, count in counts.items():
        told = (count.ends.total(), count.ends["value"], count.ends["refused"], count.ends["DEFECT"])
        table.add_row(name, *map(str, told), f"{count.slowest * 1000:.1f}")
    console = Console(width=_WIDTH)
    console.print(table)
    defects = [one for count in counts.values() for one in count.defects]
    for one in defects[:20]:
        console.print(one, highlight=False, markup=False)
    total = sum(count.ends.total() for count in counts.values())
    console.print(f"{total} inputs to {len(counts)} parsers, {len(defects)} ended as they should not.")
    return 1 if defects or not counts else 0


if __name__ == "__main__":
    raise SystemExit(main())
