"""The traveller display in a real Chromium: languages, reading aids, guidance in time, nothing stale."""

import itertools
import json
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect
from ui_fake_lane import FakeLane, LaneThread, held, idle, passage
from ui_rig import ConsoleProcess, Seat
from ui_texts import CATALOGUES

from appliance.clock import SystemClock
from appliance.control.messages import Advice, LaneSnapshot
from appliance.document.reasons import VERDICTS

pytestmark = pytest.mark.browser
PORTRAIT, LANDSCAPE = {"width": 1080, "height": 1920}, {"width": 1920, "height": 1080}
GUIDANCE_MS = 200.0
OF_DOCUMENT = {verdict.advice for verdict in VERDICTS.values()} - {None}
Show = Callable[..., None]


def where(advice: str) -> dict[str, str]:
    """The phase and step of a lane that gives this advice."""
    reading = {"phase": "Reading", "step": "reading_document"}
    return (reading if advice in OF_DOCUMENT else {"phase": "Verifying", "step": "look_at_camera"}) | {"advice": advice}


@pytest.fixture(scope="module")
def lane(lane_thread: LaneThread, tmp_path_factory: pytest.TempPathFactory) -> FakeLane:
    return lane_thread.lane(tmp_path_factory.mktemp("lanes") / "lane-1.sock", idle("E-01", phase="Ready"))


@pytest.fixture(scope="module")
def console(start_console, lane: FakeLane) -> ConsoleProcess:
    return start_console(lane.path)


@pytest.fixture
def seat(chrome: Browser, console: ConsoleProcess) -> Iterator[Seat]:
    one = Seat(chrome, console.url)
    asked: list[str] = []
    one.page.on("request", lambda request: asked.append(request.url))
    yield one
    one.close()
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(console.url).netloc}, "a request left the machine"
    assert one.complaints == []


revisions = itertools.count(10)


@pytest.fixture
def show(lane: FakeLane, lane_thread: LaneThread) -> Iterator[Show]:
    """Show an idle lane with these changes; `document` is an issuing state."""

    def shown(snapshot: LaneSnapshot | None = None, *, document: str = "", **changes: object) -> None:
        new = snapshot or idle("E-01", **({"phase": "Ready"} | changes))
        if document:
            seen = passage(referral=None)
            assert seen.document is not None
            read = seen.document.model_copy(update={"issuing_state": document})
            new = new.model_copy(update={"passage": seen.model_copy(update={"document": read, "referral": None})})
        lane_thread.do(lambda: lane.show(new.model_copy(update={"revision": next(revisions)})))

    yield shown
    if not lane.listening:
        lane_thread.wait(lane.start())
    shown()


def language(seat: Seat, expected: str) -> None:
    expect(seat.page.get_by_test_id("step")).to_have_attribute("data-language", expected)
    expect(seat.page.locator("html")).to_have_attribute("lang", expected)


def step(seat: Seat, expected: str) -> None:
    expect(seat.page.get_by_test_id("step")).to_have_attribute("data-step", expected)


def test_it_speaks_the_language_of_the_document_and_the_lanes_own_again_afterwards(seat: Seat, show: Show) -> None:
    seat.page.goto("/traveller?languages=de,en")
    language(seat, "de")
    show(phase="Entering", step="enter", document="IRN")
    language(seat, "fa")
    expect(seat.page.locator("html")).to_have_attribute("dir", "rtl")
    expect(seat.page.get_by_role("heading")).to_have_text(CATALOGUES["fa"]["steps"]["enter"]["title"])
    show(phase="Entering", step="enter", document="UTO")
    language(seat, "de")
    show(phase="Entering", step="enter", document="JPN")
    language(seat, "ja")
    show()
    language(seat, "de")
    expect(seat.page.locator("html")).to_have_attribute("dir", "ltr")


def test_several_languages_take_turns(seat: Seat, show: Show) -> None:
    page = seat.page
    page.clock.install()
    page.goto("/traveller?languages=de,en,tr")
    show(phase="Reading", step="reading_document")
    step(seat, "reading_document")
    for expected in ("en", "tr", "de"):
        page.clock.run_for(3000)
        # A new word from the lane, so that six seconds of this clock are no silence.
        show(phase="Reading", step="please_wait")
        step(seat, "please_wait")
        show(phase="Reading", step="reading_document")
        step(seat, "reading_document")
        page.clock.run_for(3000)
        language(seat, expected)
    show(phase="Entering", step="enter", document="BEL")
    language(seat, "nl")
    page.get_by_role("button", name="English").click()
    language(seat, "en")
    page.clock.run_for(4000)
    show(phase="Entering", step="please_wait", document="BEL")
    step(seat, "please_wait")
    page.clock.run_for(4000)
    language(seat, "en")


def test_what_a_traveller_chose_goes_with_the_traveller(seat: Seat, show: Show) -> None:
    page = seat.page
    page.goto("/traveller?languages=de")
    show(phase="Reading", step="reading_document")
    page.get_by_role("button", name="Polski").click()
    for aid in ("large", "contrast", "sound"):
        page.get_by_test_id(aid).click()
        expect(page.get_by_test_id(aid)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("html")).to_have_class("large contrast")
    show(phase="Entering", step="enter", document="FRA")
    step(seat, "enter")
    language(seat, "pl")
    show()
    language(seat, "de")
    expect(page.locator("html")).not_to_have_class("large contrast")
    expect(page.get_by_test_id("sound")).to_have_attribute("aria-pressed", "false")


def test_what_was_chosen_before_an_empty_lane_is_forgotten_after_a_minute(seat: Seat, show: Show) -> None:
    page = seat.page
    page.clock.install()
    page.goto("/traveller?languages=de")
    show()
    page.get_by_role("button", name="Polski").click()
    language(seat, "pl")
    page.clock.fast_forward(61_000)
    language(seat, "de")


VOICES = """
  window.said = [];
  const voice = (lang, localService) => ({lang, localService, name: lang, voiceURI: lang, default: false});
  Object.defineProperty(window, 'speechSynthesis', {value: {
    speaking: false, getVoices: () => [voice('de-DE', false), voice('en-GB', true)],
    speak: (line) => window.said.push(line.lang + ': ' + line.text), cancel: () => {}}});
  window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
  window.tones = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (at) { window.tones += 1; start.call(this, at); };
"""
TONES = """async () => { for (let left = 100; left > 0 && window.tones === 0; left -= 1)
  await new Promise((done) => setTimeout(done, 20)); return window.tones; }"""


def test_it_reads_aloud_only_when_asked_and_only_with_a_voice_of_this_machine(seat: Seat, show: Show) -> None:
    page = seat.page
    page.add_init_script(VOICES)
    show(phase="Entering", step="enter")
    page.goto("/traveller?lang=en")
    step(seat, "enter")
    assert page.evaluate("window.said") == []
    page.get_by_test_id("sound").click()
    show(phase="Verifying", step="look_at_camera")
    step(seat, "look_at_camera")
    show(phase="Verifying", step="look_at_camera", advice="come_closer")
    expect(page.get_by_test_id("advice")).to_have_text("Come closer.")
    assert page.evaluate("window.said") == [
        "en-GB: Please walk in. Take your passport and your luggage with you.",
        "en-GB: Look at the camera. Stand on the mark and keep your face uncovered.",
        "en-GB: Come closer.",
    ]
    assert page.evaluate("window.tones") == 0
    page.get_by_role("button", name="Deutsch").click()
    language(seat, "de")
    assert page.evaluate(TONES) == 2
    assert len(page.evaluate("window.said")) == 3, "a remote voice spoke"


SEEN = """
  new MutationObserver(() => requestAnimationFrame(() => {
    const told = document.querySelector('[data-testid=advice]')?.textContent;
    if (told && window.seen?.at(-1)?.[0] !== told)
      (window.seen ??= []).push([told, performance.timeOrigin + performance.now()]);
  })).observe(document, {subtree: true, childList: true, characterData: true});
"""


def test_guidance_is_on_the_screen_in_time(seat: Seat, show: Show) -> None:
    page, clock, sent = seat.page, SystemClock(), {}
    page.add_init_script(SEEN)
    show(phase="Verifying", step="look_at_camera")
    page.goto("/traveller?lang=en")
    step(seat, "look_at_camera")
    for advice in list(Advice) * 2:
        text = CATALOGUES["en"]["advice"][advice.value]
        sent.setdefault(text, []).append(clock.now().timestamp() * 1000)
        show(**where(advice))
        expect(page.get_by_test_id("advice")).to_have_text(text)
        assert page.locator("svg.pictogram path").count() > 0, "advice without a picture"
        # Two frames: the one that shows it is over.
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    late = sorted(at - sent[text].pop(0) for text, at in page.evaluate("window.seen") if sent.get(text))
    assert not any(sent.values()), "some advice was never shown"
    p50, p95 = late[len(late) // 2], late[int(len(late) * 0.95)]
    print(f"lane says advice -> on the display: p50 {p50:.0f} ms, p95 {p95:.0f} ms, n = {len(late)}")
    assert p95 <= GUIDANCE_MS


OVERFLOW = """() => { const d = document.documentElement, m = document.querySelector('main');
  return d.scrollHeight > innerHeight || d.scrollWidth > innerWidth || m.scrollWidth > m.clientWidth; }"""


@pytest.mark.parametrize("aids", ["", "&large&contrast"], ids=["usual", "large"])
@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE], ids=["portrait", "landscape"])
def test_every_text_fits_in_every_language(seat: Seat, show: Show, size: dict, aids: str) -> None:
    page = seat.page
    page.set_viewport_size(size)
    for tongue, texts in CATALOGUES.items():
        show(phase="Ready")
        page.goto(f"/traveller?lang={tongue}{aids}")
        longest = max(texts["steps"], key=lambda each: len("".join(texts["steps"][each].values())))
        advice = max(texts["advice"], key=lambda each: len(texts["advice"][each]))
        for changes in ({"phase": "Verifying", "step": longest}, where(advice), *map(where, sorted(OF_DOCUMENT))):
            show(**changes)
            if "advice" in changes:
                expect(page.get_by_test_id("advice")).to_have_text(texts["advice"][changes["advice"]])
            step(seat, changes["step"])
            expect(page.get_by_test_id("strip")).to_be_visible()
            assert not page.evaluate(OVERFLOW), (tongue, changes)


@pytest.mark.parametrize("query", ["lang=he", "lang=zh&contrast&large", "lang=en&contrast"])
def test_axe_finds_nothing(seat: Seat, show: Show, query: str) -> None:
    seat.page.goto(f"/traveller?{query}")
    for changes in (where("show_eyes"), where("lay_down_again"), {"step": "go"}, {"step": "emergency"}):
        show(**{"phase": "Verifying"} | changes)
        step(seat, changes["step"])
        assert seat.violations() == []


@pytest.mark.parametrize("tongue", ["en", "ar", "he", "fa"])
@pytest.mark.parametrize("advice", sorted(OF_DOCUMENT))
def test_a_passport_that_is_read_again_has_one_sentence_and_a_picture_of_its_own(
    seat: Seat, show: Show, tongue: str, advice: str
) -> None:
    page, texts = seat.page, CATALOGUES[tongue]
    page.goto(f"/traveller?lang={tongue}")
    picture = page.locator("svg.pictogram")
    show(phase="Reading", step="reading_document")
    expect(page.get_by_role("heading")).to_have_text(texts["steps"]["reading_document"]["title"])
    usual = picture.inner_html()
    show(**where(advice))
    # In place of the title too: "leave it" and "lay it down again" do not go together.
    expect(page.get_by_role("heading")).to_have_text(texts["advice"][advice])
    expect(page.get_by_role("status")).to_have_text(texts["advice"][advice])
    expect(page.locator("html")).to_have_attribute("dir", "ltr" if tongue == "en" else "rtl")
    assert picture.inner_html() != usual
    assert seat.violations() == []
    show(phase="Entering", step="enter")
    expect(page.get_by_role("heading")).to_have_text(texts["steps"]["enter"]["title"])


@pytest.mark.parametrize(("advice", "other"), [("lay_down_again", "look_at_camera"), ("hat_off", "reading_document")])
def test_advice_of_another_step_is_not_shown(seat: Seat, show: Show, advice: str, other: str) -> None:
    seat.page.goto("/traveller?lang=en")
    show(phase="Verifying", step=other, advice=advice)
    step(seat, other)
    expect(seat.page.get_by_test_id("advice")).to_have_text(CATALOGUES["en"]["steps"][other]["text"])


def test_who_prefers_no_movement_sees_none(chrome: Browser, console: ConsoleProcess, show: Show) -> None:
    moving = "() => document.getAnimations().length"
    show(phase="Verifying", step="look_at_camera", advice="come_closer")
    for preference, expected in (("no-preference", True), ("reduce", False)):
        context = chrome.new_context(base_url=console.url, reduced_motion=preference)
        page = context.new_page()
        page.goto("/traveller")
        expect(page.get_by_test_id("advice")).to_be_visible()
        expect(page.get_by_test_id("step")).to_have_attribute("data-step", "look_at_camera")
        assert (page.evaluate(moving) > 0) is expected
        context.close()


def test_a_referral_for_a_suspected_attack_looks_like_any_other(seat: Seat, show: Show) -> None:
    page, pictures = seat.page, []
    page.emulate_media(reduced_motion="reduce")
    page.goto("/traveller?lang=en")
    for suspected in (True, False):
        show(phase="Verifying", step="look_at_camera")
        step(seat, "look_at_camera")
        show(held("E-01", referral={"suspected_attack": suspected, "needs_visual_check": suspected}))
        step(seat, "officer_comes")
        pictures.append(page.locator("body").inner_html())
    assert pictures[0] == pictures[1]


def test_a_display_without_its_lane_says_so_and_shows_nothing_of_before(
    seat: Seat, show: Show, lane: FakeLane, lane_thread: LaneThread
) -> None:
    page = seat.page
    show(phase="Verifying", step="look_at_camera", advice="come_closer", document="D")
    page.goto("/traveller?languages=fr")
    language(seat, "de")
    lane_thread.wait(lane.stop())
    step(seat, "link_lost")
    language(seat, "fr")
    expect(page.get_by_role("heading")).to_have_text(CATALOGUES["fr"]["link_lost"]["title"])
    expect(page.get_by_test_id("advice")).to_have_text(CATALOGUES["fr"]["link_lost"]["text"])
    assert seat.violations() == []
    lane.snapshot = idle("E-01", revision=next(revisions), phase="Starting", step="out_of_service")
    lane_thread.wait(lane.start())
    step(seat, "please_wait")
    show()
    step(seat, "present_document")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"step": "enter"}, "enter"),
        ({"step": "dance"}, "link_lost"),
        ({"step": "constructor"}, "link_lost"),
        ({"step": "enter", "connected": False}, "link_lost"),
        ({"step": "look_at_camera", "advice": "sing", "languages": ["tlh", "__proto__"]}, "look_at_camera"),
    ],
)
def test_what_a_display_does_not_understand_it_does_not_show(seat: Seat, told: dict, expected: str) -> None:
    event = {"lane": "<b>E-01</b>", "connected": True, "advice": None, "languages": [], "simulated": True, "grade": "x"}
    seat.page.add_init_script(f"""window.EventSource = class {{
      constructor() {{ setTimeout(() => this.onmessage({{data: {json.dumps(json.dumps(event | told))}}})); }}
      close() {{}} }};""")
    seat.page.goto("/traveller?lang=en")
    expect(seat.page.get_by_test_id("step")).to_have_attribute("data-step", expected)
    expect(seat.page.get_by_test_id("advice")).to_have_text(
        CATALOGUES["en"][expected]["text"] if expected == "link_lost" else CATALOGUES["en"]["steps"][expected]["text"]
    )
    expect(seat.page.locator(".lane")).to_have_text("<b>E-01</b>")  # heard, and text is text


def test_a_display_whose_console_dies_says_so(chrome: Browser, start_console, lane: FakeLane, show: Show) -> None:
    process = start_console(lane.path)
    show(phase="Entering", step="enter")
    seat = Seat(chrome, process.url)
    seat.page.goto("/traveller?lang=en")
    step(seat, "enter")
    process.stop()
    step(seat, "link_lost")
    seat.close()
