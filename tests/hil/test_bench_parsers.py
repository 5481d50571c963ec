"""The bench of the parsers spoils every kind of file it is given, and tells a defect from a refusal."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.document.tlv import build
from hil.bench.parsers import Count, measure, run

ZONE = b"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"
DG1 = build(0x61, build(0x5F1F, ZONE))
DG15 = build(
    0x6F,
    ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
)


def test_the_bench_spoils_every_kind_of_file_it_is_given_and_finds_no_defect() -> None:
    counts = measure([DG1, DG15], 600, 1)
    assert set(counts) == {"MRZ", "TLV", "DG1", "DG12", "DG15", "active authentication", "CRL", "master list"}
    assert sum(count.ends.total() for count in counts.values()) == 600
    assert all(count.ends["refused"] and not count.defects for count in counts.values())


@pytest.mark.parametrize("error", [KeyError("x"), RecursionError(), ValueError(), MemoryError()])
def test_the_bench_tells_a_defect_from_a_refusal(error: Exception) -> None:
    def broken(_: bytes) -> None:
        raise error

    count = Count()
    run(count, broken, b"", label="here")
    assert (count.ends, len(count.defects)) == ({"DEFECT": 1}, 1)
