"""Words that the command line offers; apart, because help must not pay for cryptography."""

from enum import StrEnum


class FaceEncoding(StrEnum):
    """How DG2 holds its face."""

    ISO19794 = "19794-5"
    ISO39794 = "39794-5"


class Freshness(StrEnum):
    """Whether the revocation lists are of today, out of date, or not there."""

    FRESH = "fresh"
    STALE = "stale"
    NONE = "none"
