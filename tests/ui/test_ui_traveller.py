"""The traveller display's texts and what the console tells it. Translations are checked for form, not for language."""

import re
import unicodedata
from datetime import UTC, datetime

import pytest
from ui_fake_lane import held, idle, passage
from ui_texts import CATALOGUES

from appliance.control.client import LaneState
from appliance.control.messages import Advice, LaneSnapshot, Step
from appliance.core import phases
from ui.languages import _STATES, LANGUAGES_OF, languages_of
from ui.views import _RESTING, _STARTING, traveller_view

SCRIPTS = {"ar": "ARABIC", "fa": "ARABIC", "he": "HEBREW", "ru": "CYRILLIC", "uk": "CYRILLIC", "zh": "CJK"}
SCRIPTS |= {"ja": "CJK|HIRAGANA|KATAKANA"}
NEIGHBOURS = {"fa": "كيى", "ar": "کی", "ru": "іїєґ", "uk": "ыэёъ", "zh": "請過離員護導", "ja": "请过离员护导"}
"""Letters of the language these are most easily confused with."""
FORBIDDEN = {
    "ar": "قناع|كمامة|مشتبه|اشتباه|احتيال|هجوم|مزور|تزوير|رفض|إنذار|شرطة",
    "de": "maske|verdacht|verdächt|betrug|angriff|fälsch|abgelehnt|abgewiesen|verweiger|alarm|polizei",
    "en": "mask|suspect|suspic|fraud|attack|fake|spoof|reject|refus|denied|alarm|police",
    "es": "máscara|mascarilla|sospech|fraude|ataque|fals|rechaz|deneg|alarma|policía",
    "fa": r"ماسک|نقاب|مظنون|مشکوک|تقلب|جعل|حمله|\bرد شد|هشدار|پلیس",
    "fr": "masque|soupçon|suspect|fraud|attaque|faux|falsif|refus|rejet|alarme|police",
    "he": "מסכה|מסיכה|חשד|חשוד|הונאה|מרמה|התקפה|מזויף|זיוף|נדח|סירוב|סורב|אזעקה|משטרה",
    "it": "maschera|mascherina|sospett|frode|attacco|fals|rifiut|respint|allarme|polizia",
    "ja": "マスク|仮面|疑|不審|詐欺|偽|攻撃|拒否|却下|警報|警察",
    "nl": "masker|mondkapje|verdacht|verdenking|fraude|aanval|vals|geweiger|afgewezen|alarm|politie",
    "pl": "mask|maseczk|podejrz|oszust|atak|fałsz|odmow|odrzuc|alarm|policj",
    "pt": "máscara|suspeit|fraude|ataque|fals|rejeit|recus|alarme|polícia",
    "ru": "маск|подозр|мошен|атак|поддел|фальш|отказ|отклон|тревог|полици",
    "tr": "maske|şüphe|sahte|dolandır|saldırı|redded|alarm|polis",
    "uk": "маск|підозр|шахра|атак|підроб|фальш|відмов|відхил|тривог|поліці",
    "zh": "面具|口罩|可疑|嫌疑|欺诈|伪造|假|攻击|拒绝|警报|警察",
}
every_language = pytest.mark.parametrize("language", CATALOGUES)


def leaves(texts: object, path: str = "") -> dict[str, str]:
    """Dotted path -> text."""
    if isinstance(texts, dict):
        return {key: text for name, part in texts.items() for key, text in leaves(part, f"{path}.{name}").items()}
    assert isinstance(texts, str), path
    return {path: texts}


def test_at_least_twelve_languages_are_spoken_three_of_them_from_right_to_left() -> None:
    assert len(CATALOGUES) >= 12
    assert {"ar", "he", "fa"} <= set(CATALOGUES)


@every_language
def test_a_language_has_every_text_and_no_other(language: str) -> None:
    texts = CATALOGUES[language]
    assert set(texts["steps"]) == {step.value for step in Step}
    assert set(texts["advice"]) == {advice.value for advice in Advice}
    found = leaves(texts)
    assert set(found) == set(leaves(CATALOGUES["en"]))
    assert all(text == text.strip() != "" for text in found.values())


@every_language
def test_a_language_is_written_in_its_own_letters(language: str) -> None:
    texts = leaves(CATALOGUES[language])
    script = re.compile(SCRIPTS.get(language, "LATIN"))
    # A joiner, a vowel sign and the Japanese length mark are no letters of a script of their own.
    letters = {each for each in "".join(texts.values()) if unicodedata.category(each) in ("Lu", "Ll", "Lo")}
    assert [letter for letter in letters if script.match(unicodedata.name(letter)) is None] == []
    assert letters & set(NEIGHBOURS.get(language, "")) == set()


@every_language
def test_nothing_was_left_in_english(language: str) -> None:
    if language != "en":
        english = leaves(CATALOGUES["en"])
        assert [path for path, text in leaves(CATALOGUES[language]).items() if text == english[path]] == []


@every_language
def test_no_text_names_a_suspicion(language: str) -> None:
    words = re.compile(FORBIDDEN[language], re.IGNORECASE)
    assert [text for text in leaves(CATALOGUES[language]).values() if words.search(text)] == []


def test_the_states_have_languages_that_are_spoken_here() -> None:
    states = [state for each in _STATES.values() for state in each.split()]
    assert len(states) == len(set(states)) == len(LANGUAGES_OF)
    assert all(re.fullmatch("[A-Z]{3}|D", state) for state in states)
    assert {language for languages in LANGUAGES_OF.values() for language in languages} == set(CATALOGUES)


@pytest.mark.parametrize(
    ("state", "languages"),
    [("D", ("de",)), ("BEL", ("nl", "fr", "de")), ("ISR", ("he", "ar")), ("IRN", ("fa",)), ("GBS", ("en",))],
)
def test_a_document_is_answered_in_the_languages_of_its_state(state: str, languages: tuple[str, ...]) -> None:
    assert languages_of(state) == languages


@pytest.mark.parametrize("state", ["", "UTO", "XXA", "d", "<<<", "DE", "D<<", "\x00", "A" * 10_000])
def test_an_unknown_state_has_no_language(state: str) -> None:
    assert languages_of(state) == ()


def state(snapshot: LaneSnapshot | None, *, reachable: bool = True) -> LaneState:
    return LaneState(reachable, datetime(2026, 11, 28, tzinfo=UTC), "", snapshot)


def belgian(**changes: object) -> LaneSnapshot:
    seen = passage()
    assert seen.document is not None
    document = seen.document.model_copy(update={"issuing_state": "BEL"})
    return idle(phase="Verifying", step="look_at_camera", advice="come_closer").model_copy(
        update={"passage": seen.model_copy(update={"document": document}), **changes}
    )


def test_the_display_learns_step_advice_and_languages() -> None:
    view = traveller_view("lane-1", state(belgian()))
    assert (view.connected, view.attending, view.step, view.advice) == (True, True, "look_at_camera", "come_closer")
    assert view.languages == ("nl", "fr", "de")
    said = view.model_dump_json()
    assert not [word for word in ("BEL", "ERIKSSON", "L898902C3", "mask") if word in said]


def test_of_a_lane_out_of_reach_nothing_of_before_is_told() -> None:
    view = traveller_view("lane-1", state(belgian(), reachable=False))
    assert (view.connected, view.attending, view.step) == (False, False, "out_of_service")
    assert (view.advice, view.languages) == (None, ())
    assert view.simulated
    never = traveller_view("lane-1", state(None, reachable=False))
    assert (never.lane, never.connected, never.step) == ("lane-1", False, "out_of_service")


def test_a_lane_that_starts_asks_to_wait() -> None:
    view = traveller_view("lane-1", state(idle(phase="Starting", step="out_of_service")))
    assert (view.step, view.attending) == ("please_wait", False)
    closed = traveller_view("lane-1", state(idle(phase="OutOfService", step="out_of_service")))
    assert (closed.step, closed.attending) == ("out_of_service", False)


def test_the_phases_named_here_are_the_lanes() -> None:
    assert all(isinstance(getattr(phases, name), type) for name in _RESTING)
    assert _STARTING in _RESTING


def test_a_suspected_attack_looks_like_any_other_referral() -> None:
    views = [
        traveller_view("lane-1", state(held(referral={"suspected_attack": attack, "needs_visual_check": attack})))
        for attack in (True, False)
    ]
    assert views[0] == views[1]
