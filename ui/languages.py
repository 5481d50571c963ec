"""Which languages a traveller may be addressed in, by the state that issued the document.

Not responsible for what is said (`web/src/texts`), nor for what is shown while nothing is known (the display's own
list). A state whose languages we do not speak has no entry: a guess would be worse than the lane's own list.

Codes: ICAO Doc 9303-3 section 5 (ISO 3166-1 alpha-3, "D" for Germany, GBD to GBS for other British documents).
Languages: Unicode CLDR territoryInfo, status official or de facto official for the whole state, most spoken first (as
in Babel 2.19). Two entries differ: UKR is Ukrainian only, and CYP is left out because most there speak Greek.
"""

from types import MappingProxyType

_STATES = {
    "ar": "ARE BHR EGY ESH IRQ JOR KWT LBN LBY MRT OMN PSE QAT SAU SOM SYR YEM",
    "de": "AUT D LIE",
    "en": (
        "AIA ASM ATG AUS BHS BLZ BMU BRB BWA CCK COK CXR CYM DMA FJI FLK FSM GBD GBN GBO GBP GBR GBS GGY GHA GIB "
        "GMB GRD GUM GUY IMN IND IOT IRL JAM JEY KEN KIR KNA LBR LCA LSO MHL MLT MNP MSR MWI NAM NFK NGA NIU NRU "
        "NZL PAK PCN PHL PLW PNG SGS SHN SLB SLE SSD SWZ TCA TKL TON TTO TUV TZA UGA UMI USA VCT VGB VIR WSM ZAF "
        "ZMB ZWE"
    ),
    "es": "ARG BOL CHL COL CRI CUB DOM ECU ESP GTM HND MEX NIC PAN PER PRY SLV URY VEN",
    "fa": "AFG IRN",
    "fr": ("BEN BFA BLM CAF CIV COD COG FRA GAB GIN GLP GUF HTI MAF MCO MLI MTQ MYT NCL NER PYF REU SEN SPM TGO WLF"),
    "it": "ITA SMR VAT",
    "ja": "JPN",
    "nl": "ABW BES CUW NLD SUR",
    "pl": "POL",
    "pt": "AGO BRA CPV GNB MOZ PRT STP TLS",
    "ru": "BLR KAZ KGZ RUS",
    "tr": "TUR",
    "uk": "UKR",
    "zh": "CHN TWN",
    "ar en": "SDN",
    "ar fr": "COM DZA MAR TCD TUN",
    "en ar": "ERI",
    "en fr": "CAN RWA VUT",
    "en nl": "SXM",
    "en zh": "SGP",
    "es en": "PRI",
    "fr ar": "DJI",
    "fr de": "LUX",
    "fr en": "BDI CMR MDG MUS SYC",
    "he ar": "ISR",
    "zh en": "HKG",
    "zh pt": "MAC",
    "de fr it": "CHE",
    "es fr pt": "GNQ",
    "nl fr de": "BEL",
}
LANGUAGES_OF = MappingProxyType(
    {state: tuple(languages.split()) for languages, states in _STATES.items() for state in states.split()}
)
"""State code as in the MRZ (without fillers) -> languages, most spoken first."""


def languages_of(issuing_state: str) -> tuple[str, ...]:
    """Languages for a document of this state; none when it is unknown or speaks none of ours."""
    return LANGUAGES_OF.get(issuing_state, ())
