"""People at the console in a real Chromium: set-up, roles, passkeys, confirmation, hand-over, reminder.

The passkeys are those of Chromium's virtual authenticator: the browser's own WebAuthn, without a key in anybody's hand.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from ui_fake_lane import FakeLane, LaneThread, held, idle
from ui_hands import eventually
from ui_rig import PASSWORD, ConsoleProcess, Seat

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def lane(lane_thread: LaneThread, tmp_path_factory: pytest.TempPathFactory) -> FakeLane:
    return lane_thread.lane(tmp_path_factory.mktemp("lanes") / "lane-1.sock", idle("E-01"))


@pytest.fixture(scope="module")
def console(lane: FakeLane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleProcess]:
    folder = tmp_path_factory.mktemp("console")
    process = ConsoleProcess([lane.path], folder, "--second-officer", "override", "--watch-minutes", "0.01")
    # Passkeys belong to a name, and the console answers to this one too.
    process.url = process.url.replace("127.0.0.1", "localhost")
    yield process
    process.stop()


@pytest.fixture(scope="module")
def boss(chrome: Browser, console: ConsoleProcess) -> Iterator[Seat]:
    """The first supervisor, who has set the console up."""
    seat = Seat(chrome, console.url)
    page = seat.page
    page.goto("/")
    seat.sign_in(console.one_time)
    page.get_by_label("Your name").fill("Ana Sipka")
    page.get_by_label("One-time password").fill(console.one_time)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    assert seat.violations() == []
    page.get_by_role("button", name="Save and continue").click()
    page.get_by_test_id("link").get_by_text("Live").wait_for()
    yield seat
    seat.close()
    assert [each for each in seat.complaints if "status of 4" not in each] == []


@pytest.fixture
def one(lane: FakeLane, lane_thread: LaneThread) -> Iterator[FakeLane]:
    yield lane
    lane.after, lane.answer = None, lambda _said: (True, "")
    lane_thread.do(lambda: lane.show(idle("E-01", revision=lane.snapshot.revision + 1)))


def pages(seat: Seat, name: str) -> None:
    seat.page.get_by_role("navigation", name="Pages").get_by_role("button", name=name).click()


def created(boss: Seat, name: str, role: str) -> str:
    """Create an account on the accounts page; returns the one-time password it shows."""
    pages(boss, "Accounts")
    page = boss.page
    page.get_by_label("Name (as it will stand in the journal)").fill(name)
    page.get_by_label("Role", exact=True).select_option(role)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_test_id("one-time")).to_contain_text(name)
    return page.get_by_test_id("one-time").locator("code").inner_text()


def arrives(chrome: Browser, console: ConsoleProcess, name: str, one_time: str) -> Seat:
    """Somebody new signs in, and sets a password of their own."""
    seat = Seat(chrome, console.url)
    seat.page.goto("/")
    seat.sign_in(one_time, name)
    expect(seat.page.get_by_label("Your name")).to_have_count(0)
    seat.page.get_by_label("One-time password").fill(one_time)
    seat.page.get_by_label("New password", exact=True).fill(PASSWORD)
    seat.page.get_by_label("New password again").fill(PASSWORD)
    seat.page.get_by_role("button", name="Save and continue").click()
    seat.page.get_by_test_id("link").get_by_text("Live").wait_for()
    return seat


def with_key(page: Page) -> None:
    """Give this page's browser an authenticator that verifies its user."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    key = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    cdp.send("WebAuthn.addVirtualAuthenticator", {"options": key})


def admit(seat: Seat) -> None:
    page = seat.page
    page.get_by_label("Reason (mandatory").fill("Bare face, no mask")
    page.get_by_label("I have seen the traveller's bare face").check()
    page.get_by_role("button", name="Admit").click()


def test_the_first_supervisor_keeps_the_accounts(boss: Seat) -> None:
    page = boss.page
    pages(boss, "Accounts")
    expect(page.get_by_role("heading", name="People")).to_be_focused()
    expect(page.get_by_test_id("account-Ana Sipka")).to_contain_text("Supervisor")
    one_time = created(boss, "Ben Adler", "officer")
    assert len(one_time.split("-")) == 4
    expect(page.get_by_test_id("account-Ben Adler")).to_contain_text("one-time password not changed yet")
    assert boss.violations() == []
    page.get_by_label("Name (as it will stand in the journal)").fill("BEN ADLER")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("there is an account of that name already")).to_be_visible()
    page.get_by_label("Role of Ben Adler").select_option("auditor")
    expect(page.get_by_test_id("log")).to_contain_text("officer -> auditor")
    page.get_by_role("button", name="Disable Ben Adler").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_test_id("account-Ben Adler")).not_to_contain_text("disabled")
    page.get_by_role("button", name="Disable Ben Adler").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(page.get_by_test_id("account-Ben Adler")).to_contain_text("disabled")
    page.get_by_role("button", name="New one-time password for Ben Adler").click()
    expect(page.get_by_test_id("account-Ben Adler")).to_contain_text("one-time password not changed yet")
    expect(page.get_by_test_id("one-time")).not_to_contain_text(one_time)


def test_a_viewer_sees_the_lane_but_nobody_in_it_and_is_no_guard(
    boss: Seat, chrome: Browser, console: ConsoleProcess, one: FakeLane, lane_thread: LaneThread
) -> None:
    one_time = created(boss, "Vic", "viewer")
    boss.page.get_by_role("button", name="Sign out").click()
    expect(boss.page.get_by_role("button", name="Sign in")).to_be_visible()
    lane_thread.wait(eventually(lambda: one.heard("heartbeat")[-1]["watching"] is False))
    viewer = arrives(chrome, console, "Vic", one_time)
    lane_thread.do(lambda: one.show(held("E-01", revision=one.snapshot.revision + 1)))
    page = viewer.page
    expect(page.get_by_test_id("only-look")).to_be_visible()
    expect(page.get_by_text("ERIKSSON")).to_have_count(0)
    expect(page.locator("canvas")).to_have_count(0)
    for name in ("Admit", "Take out of service", "Accounts", "Hand over"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    assert viewer.violations() == []
    beats = len(one.heard("heartbeat"))
    lane_thread.wait(eventually(lambda: len(one.heard("heartbeat")) > beats))
    assert not any(beat["watching"] for beat in one.heard("heartbeat")[beats:])
    viewer.close()
    assert viewer.complaints == []
    boss.sign_in(name="Ana Sipka")
    boss.page.get_by_test_id("link").get_by_text("Live").wait_for()


def test_overriding_a_suspected_attack_takes_a_proof_and_a_second_officer(
    boss: Seat, chrome: Browser, console: ConsoleProcess, one: FakeLane, lane_thread: LaneThread
) -> None:
    arrives(chrome, console, "Cleo", created(boss, "Cleo", "officer")).close()
    pages(boss, "Lanes")
    page, before = boss.page, len(one.heard("decide"))
    lane_thread.do(lambda: one.show(held("E-01", "p-31", revision=one.snapshot.revision + 1)))
    admit(boss)
    asked = page.get_by_test_id("confirm")
    expect(asked).to_be_visible()
    assert boss.violations() == []
    asked.get_by_label("Password", exact=True).fill("not mine")
    asked.get_by_label("Name of the second officer").fill("Cleo")
    asked.get_by_label("Password of the second officer").fill(PASSWORD)
    asked.get_by_role("button", name="Confirm").click()
    expect(asked.get_by_text("name or password is wrong")).to_be_visible()
    asked.get_by_role("button", name="Cancel").click()
    expect(asked).to_be_hidden()
    assert len(one.heard("decide")) == before
    page.get_by_role("button", name="Admit").click()
    expect(asked.get_by_label("Password", exact=True)).to_have_value("")
    asked.get_by_label("Password", exact=True).fill(PASSWORD)
    asked.get_by_label("Name of the second officer").fill("Cleo")
    asked.get_by_label("Password of the second officer").fill(PASSWORD)
    one.after = lambda _said: idle("E-01", revision=one.snapshot.revision + 1)
    asked.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="No traveller is waiting for you")).to_be_visible()
    expect(asked).to_be_hidden()
    said = one.heard("decide")[-1]
    assert (said["officer"], said["second_officer"], said["visual_check"]) == ("Ana Sipka", "Cleo", True)


def test_a_passkey_is_added_signs_in_and_confirms(
    boss: Seat, chrome: Browser, console: ConsoleProcess, one: FakeLane, lane_thread: LaneThread
) -> None:
    seat = arrives(chrome, console, "Dora", created(boss, "Dora", "officer"))
    page = seat.page
    with_key(page)
    pages(seat, "My account")
    expect(page.get_by_role("heading", name="My account")).to_be_focused()
    page.get_by_label("What to call it").fill("desk key")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_test_id("passkeys")).to_contain_text("desk key")
    assert seat.violations() == []
    page.get_by_label("What to call it").fill("twice")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("The passkey was not used.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    assert seat.violations() == []
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_test_id("link").get_by_text("Live").wait_for()
    expect(page.locator(".who")).to_have_text("Dora")
    lane_thread.do(lambda: one.show(held("E-01", "p-41", revision=one.snapshot.revision + 1)))
    admit(seat)
    asked = page.get_by_test_id("confirm")
    asked.get_by_role("button", name="Use a passkey").first.click()
    expect(asked.get_by_text("Passkey signed")).to_be_visible()
    asked.get_by_label("Name of the second officer").fill("Ana Sipka")
    asked.get_by_label("Password of the second officer").fill(PASSWORD)
    one.after = lambda _said: idle("E-01", revision=one.snapshot.revision + 1)
    asked.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="No traveller is waiting for you")).to_be_visible()
    said = one.heard("decide")[-1]
    assert (said["officer"], said["second_officer"]) == ("Dora", "Ana Sipka")
    pages(seat, "My account")
    page.get_by_role("button", name="Remove desk key").click()
    expect(page.get_by_test_id("passkeys")).to_contain_text("None yet")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("this passkey is not known here")).to_be_visible()
    seat.close()


def test_the_station_changes_hands_and_the_held_traveller_stays_on_the_screen(
    boss: Seat, chrome: Browser, console: ConsoleProcess, one: FakeLane, lane_thread: LaneThread
) -> None:
    arrives(chrome, console, "Emil", created(boss, "Emil", "officer")).close()
    pages(boss, "Lanes")
    page = boss.page
    lane_thread.do(lambda: one.show(held("E-01", "p-51", revision=one.snapshot.revision + 1)))
    page.get_by_label("Reason (mandatory").fill("half a rea")
    beats = len(one.heard("heartbeat"))
    pages(boss, "Hand over")
    asked = page.get_by_test_id("handover")
    expect(asked).to_contain_text("1 traveller is held now.")
    assert boss.violations() == []
    asked.get_by_label("Name of your successor").fill("Emil")
    asked.get_by_label("Password of your successor").fill("not his")
    asked.get_by_role("button", name="Take the station over").click()
    expect(asked.get_by_text("name or password is wrong")).to_be_visible()
    asked.get_by_label("Password of your successor").fill(PASSWORD)
    asked.get_by_label("Note for your successor").fill("The reader of E-01 is slow")
    asked.get_by_role("button", name="Take the station over").click()
    expect(page.locator(".who")).to_have_text("Emil")
    expect(page.get_by_test_id("document")).to_contain_text("ERIKSSON")
    expect(page.get_by_label("Reason (mandatory")).to_have_value(""), "words of one officer, name of another"
    expect(page.get_by_test_id("face-live")).to_have_attribute("data-shown", "true")
    (said,) = one.heard("hand_over")
    assert (said["officer"], said["successor"], said["held"]) == ("Ana Sipka", "Emil", "p-51")
    assert said["note"] == "The reader of E-01 is slow"
    lane_thread.wait(eventually(lambda: len(one.heard("heartbeat")) > beats + 1))
    assert all(beat["watching"] for beat in one.heard("heartbeat")[beats:]), "the lane was left without a guard"
    expect(page.get_by_test_id("link")).to_contain_text("Live")
    expect(page.get_by_role("button", name="Accounts")).to_have_count(0)
    page.get_by_label("Reason (mandatory").fill("Wears a mask")
    page.keyboard.press("Alt+KeyR")
    expect(page.get_by_test_id("document")).to_be_visible()
    lane_thread.wait(eventually(lambda: one.heard("decide")[-1]["officer"] == "Emil"))
    pages(boss, "Hand over")
    asked.get_by_label("Name of your successor").fill("Ana Sipka")
    asked.get_by_label("Password of your successor").fill(PASSWORD)
    asked.get_by_role("button", name="Take the station over").click()
    expect(page.locator(".who")).to_have_text("Ana Sipka")


def test_a_lane_that_has_not_written_the_hand_over_down_is_named(
    boss: Seat, one: FakeLane, lane_thread: LaneThread
) -> None:
    page = boss.page
    one.answer = lambda _said: (False, "the journal cannot be written")
    for name in ("Emil", "Ana Sipka"):
        pages(boss, "Hand over")
        asked = page.get_by_test_id("handover")
        asked.get_by_label("Name of your successor").fill(name)
        asked.get_by_label("Password of your successor").fill(PASSWORD)
        asked.get_by_role("button", name="Take the station over").click()
        expect(page.locator(".who")).to_have_text(name)
        expect(page.get_by_text("Not in the journal of lane-1")).to_be_visible()
    assert boss.violations() == []
    page.get_by_role("button", name="Noted").click()
    expect(page.get_by_text("Not in the journal of lane-1")).to_have_count(0)


def test_a_traveller_held_while_another_page_is_open_cannot_be_missed(
    boss: Seat, one: FakeLane, lane_thread: LaneThread
) -> None:
    pages(boss, "Accounts")
    lane_thread.do(lambda: one.show(held("E-01", "p-61", revision=one.snapshot.revision + 1)))
    banner = boss.page.get_by_test_id("held-elsewhere")
    expect(banner).to_contain_text("A traveller is held")
    assert boss.violations() == []
    banner.get_by_role("button", name="Go to the lanes").click()
    expect(boss.page.get_by_test_id("referral")).to_be_visible()


def test_who_has_watched_long_is_told_so_and_may_put_it_off(boss: Seat) -> None:
    reminder = boss.page.get_by_test_id("watch")
    expect(reminder).to_contain_text("have yourself relieved")
    assert boss.violations() == []
    reminder.get_by_role("button", name="Remind me in 10 min").click()
    expect(reminder).to_have_count(0)


def test_the_end_of_an_account_ends_what_its_owner_is_doing(
    boss: Seat, chrome: Browser, console: ConsoleProcess, one: FakeLane, lane_thread: LaneThread
) -> None:
    seat = arrives(chrome, console, "Finn", created(boss, "Finn", "officer"))
    lane_thread.do(lambda: one.show(held("E-01", "p-71", revision=one.snapshot.revision + 1)))
    expect(seat.page.get_by_test_id("document")).to_be_visible()
    boss.page.get_by_role("button", name="Disable Finn").click()
    boss.page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(seat.page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(seat.page.get_by_text("ERIKSSON")).to_have_count(0)
    seat.close()
