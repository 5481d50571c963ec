"""Opening a chip: which protocol, and what may follow a failure (9303-11 section 4.2).

PACE with the strongest suite both sides know; BAC only where the chip offers no PACE at all. One session sees one
protocol: between attempts the caller resets the chip. Not here: the reset, and how often a traveller may try.
"""

from dataclasses import dataclass
from enum import StrEnum, auto
from secrets import token_bytes

from appliance.document.chip.apdu import SHORT, Exchange, Plain, refused
from appliance.document.chip.bac import basic_access
from appliance.document.chip.files import (
    File,
    read_file,
    read_largest,
    select_application,
    select_master_file,
)
from appliance.document.chip.group import Random
from appliance.document.chip.pace import ChipAuthenticationData, pace
from appliance.document.chip.parameters import AnyGroup, standard_group
from appliance.document.chip.passwords import Password
from appliance.document.chip.protocols import Mapping
from appliance.document.chip.security_infos import PaceInfo, SecurityInfos
from appliance.document.chip.sm import Session
from appliance.document.reasons import DocumentFault, Reason

PACE_ATTEMPTS = 2
_VERSION = 2
_BROKEN_PACE = (Reason.CHIP_MALFORMED, Reason.CHIP_REFUSES)
_NO_CARD_ACCESS = (Reason.FILE_MISSING, Reason.CHIP_REFUSES)
