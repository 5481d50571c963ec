"""The reader meets the virtual passport, whose cryptography it does not share."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from appliance.document.inspection import Inspection
from appliance.document.inspector import inspect
from appliance.document.rules import Rules
from appliance.document.trust.anchors import Anchors
from appliance.document.trust.store import load
from appliance.runtime.documents import carry
from hil.passport.choices import Freshness
from hil.passport.faults import Fault
from hil.passport.folder import VALID
from hil.passport.passport import Passport
from hil.passport.personalise import Options, make_passport
from hil.plate import PassportReader
from hil.rig.trust import import_trust
from hil.scene import CAST, render_portrait

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SHORT = Rules(extended=False)
Inspect = Callable[..., Inspection]


@cache
def portrait() -> bytes:
    """Some 27 KB of JPEG."""
    return render_portrait(CAST[0])


def passport(*faults: Fault, expires: str = VALID, **options: Any) -> Passport:
    """A passport of the cast's first, with what its issuer chose and what is wrong."""
    return make_passport(CAST[0], portrait(), expires, options=Options(**options), faults=faults)


def trusting(folder: Path, freshness: Freshness) -> Anchors:
    """Whom a store believes into which Utopia's lists were imported, with revocation lists as fresh as said."""
    stale = freshness is Freshness.STALE  # imported while it was in force, and not renewed since
    when = NOW - timedelta(days=100) if stale else NOW
    import_trust(folder / "store", folder / "files", when, Freshness.FRESH if stale else freshness)
    return load(folder / "store").anchors


def inspecting(anchors: Mapping[Freshness, Anchors]) -> Inspect:
    """A way to inspect a passport on a reader."""

    def run(
        document: Passport, rules: Rules = Rules(), *, freshness: Freshness = Freshness.FRESH, **more: Any
    ) -> Inspection:
        talk = inspect(document.printed, NOW.date(), anchors[freshness], rules, **more)
        return asyncio.run(carry(talk, PassportReader(document)))

    return run
