"""Passports of the cast in folders, for the rig's travellers to lay down."""

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from hil.passport.faults import Fault
from hil.passport.personalise import Options, make_passport
from hil.scene.cast import Traveller
from hil.scene.portrait import render_portrait

VALID = "2034-06-30"


def make_document(
    who: Traveller,
    folder: Path,
    *,
    date_of_expiry: str = VALID,
    options: Options = Options(),
    faults: Collection[Fault] = (),
) -> Path:
    """Write a traveller's passport into `folder`; returns the folder. Raises OptionsError, OSError."""
    make_passport(who, render_portrait(who), date_of_expiry, options=options, faults=faults).save(folder)
    return folder


@lru_cache(maxsize=64)
def document_below(
    directory: Path, who: Traveller, date_of_expiry: str = VALID, faults: frozenset[Fault] = frozenset()
) -> Path:
    """The folder of a traveller's passport below `directory`, written once per run of the program.

    What an earlier run left there is written over: its travellers may have had other heads.
    """
    folder = directory / "-".join((who.key, date_of_expiry, *sorted(faults)))
    return make_document(who, folder, date_of_expiry=date_of_expiry, faults=faults)
