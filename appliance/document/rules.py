"""What a site demands of a document: values only, each with the cautious choice as its default."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """`types` are first letters of document types admitted (9303-3 4.4). States are ICAO codes as the MRZ has them.

    `without_clone_detection`: issuers whose chips have neither chip nor active authentication and pass all the same.
    `allow_sha1`: signatures over SHA-1 are believed (some issuers still sign so). `allow_bac_fallback`: a chip that
    offers PACE and fails at it is read by BAC. `extended`: extended APDUs are used where the chip says it takes them;
    not every reader passes them on.
    """

    types: frozenset[str] = frozenset({"P"})
    without_clone_detection: frozenset[str] = frozenset()
    allow_sha1: bool = False
    allow_bac_fallback: bool = False
    extended: bool = True
