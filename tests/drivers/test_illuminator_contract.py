"""One suite for every illuminator. A real one joins when SALLYPORT_ILLUMINATOR_PORT names its serial port.

On a real unit the camera must be streaming, so that its exposure-active line ticks; emulators are ticked here.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from drivers.errors import DeviceRefused, Disconnected, IdentityMismatch, NoResponse, PortBusy, RemoteProtocolError
from drivers.illumination.exposure_sync.driver import ExposureSyncIlluminator
from drivers.illumination.exposure_sync.protocol import Line, decode, encode
from drivers.ports import Illuminator, LitExposure
from drivers.transport.null_modem import NullModemEnd, null_modem
from hil.emulator.exposure_sync import ExposureSyncController
from hil.emulator.pty_line import PtyLine

pytestmark = pytest.mark.anyio
REAL_PORT = os.environ.get("SALLYPORT_ILLUMINATOR_PORT")
KINDS = ["null modem", "pty", *(["real"] if REAL_PORT else [])]


class Bench:
    def __init__(self, illuminator: Illuminator, controller: ExposureSyncController | None) -> None:
        self.illuminator = illuminator
        self.controller = controller

    async def expose(self, count: int) -> list[str | None]:
        """Let `count` exposures pass; what was lit, as far as the bench can see."""
        lit = []
        for _ in range(count):
            if self.controller is not None:
                flash = self.controller.exposure_started()
                lit.append(flash.led if flash is not None else None)
            await asyncio.sleep(0.03 if self.controller is not None else 0.1)
        return lit


def over_null_modem(controller: ExposureSyncController) -> Illuminator:
    def connect() -> NullModemEnd:
        near, far = null_modem("light")
        far.answer_with(controller.handle)
        return near

    return ExposureSyncIlluminator("light", "none", connect=connect)


@pytest.fixture(params=KINDS)
async def bench(request: pytest.FixtureRequest, plug: Callable[..., PtyLine]) -> AsyncIterator[Bench]:
    controller = None if request.param == "real" else ExposureSyncController()
    if request.param == "null modem" and controller is not None:
        made = over_null_modem(controller)
    else:
        made = ExposureSyncIlluminator("light", plug(controller).path if controller is not None else str(REAL_PORT))
    yield Bench(made, controller)
    await made.close()


async def test_open_tells_who_answered_and_its_leds(bench: Bench) -> None:
    assert bench.illuminator.leds == ()
    identity = await bench.illuminator.open()
    assert identity.model
    assert identity.firmware.startswith("XS1")
    assert bench.illuminator.leds
    assert len(set(bench.illuminator.leds)) == len(bench.illuminator.leds)


async def test_an_order_is_carried_out_once_and_logged(bench: Bench) -> None:
    light = bench.illuminator
    await light.open()
    order = (None, *light.leds, None, light.leds[-1])
    await light.zero()
    await light.arm(order)
    lit = await bench.expose(len(order) + 2)
    log = await light.log()
    assert tuple(entry.led for entry in log) == order
    numbers = [entry.exposure for entry in log]
    assert numbers == list(range(numbers[0], numbers[0] + len(order)))
    stamps = [entry.at_us for entry in log]
    assert stamps == sorted(set(stamps))
    if bench.controller is not None:
        assert lit == [*order, None, None]
        assert numbers[0] == 0


async def test_the_longest_order_is_logged_whole(bench: Bench) -> None:
    light = bench.illuminator
    await light.open()
    order = tuple(None if at % 3 else light.leds[0] for at in range(20))
    await light.arm(order)
    await bench.expose(len(order))
    assert tuple(entry.led for entry in await light.log()) == order


async def test_arming_clears_the_log_and_dark_ends_an_order(bench: Bench) -> None:
    light = bench.illuminator
    await light.open()
    await light.arm((light.leds[0],) * 3)
    await bench.expose(3)
    await light.arm((light.leds[-1],) * 30)
    await light.dark()
    seen = await light.log()
    assert len(seen) < 30
    assert bench.controller is None or await bench.expose(3) == [None] * 3
    assert await light.log() == seen


@pytest.mark.parametrize("order", [(), ("1",), (None,) * 65])
async def test_orders_no_unit_can_carry_out(bench: Bench, order: tuple[str | None, ...]) -> None:
    await bench.illuminator.open()
    with pytest.raises(ValueError, match=r"exposures|not fitted"):
        await bench.illuminator.arm(order)
    assert await bench.illuminator.log() == ()


async def test_unopened_and_closed_units_say_so_and_open_again(bench: Bench) -> None:
    with pytest.raises(Disconnected):
        await bench.illuminator.zero()
    await bench.illuminator.open()
    await bench.illuminator.close()
    await bench.illuminator.close()
    with pytest.raises(Disconnected):
        await bench.illuminator.log()
    await bench.illuminator.open()
    assert await bench.illuminator.log() == ()


# --- what only an emulator can be made to do ---------------------------------------------------------------------


@pytest.fixture
async def wired(plug: Callable[..., PtyLine]) -> AsyncIterator[tuple[ExposureSyncIlluminator, PtyLine]]:
    line = plug(ExposureSyncController())
    light = ExposureSyncIlluminator("light", line.path)
    yield light, line
    await light.close()


Wired = tuple[ExposureSyncIlluminator, PtyLine]


async def test_flipped_bits_in_replies_are_errors(wired: Wired) -> None:
    light, line = wired
    await light.open()
    line.garble = lambda data: bytes((*data[:3], data[3] ^ 1, *data[4:]))
    with pytest.raises(RemoteProtocolError, match="garbled line"):
        await light.zero()


async def test_silence_unplugging_and_return(wired: Wired) -> None:
    light, line = wired
    await light.open()
    line.silent = True
    with pytest.raises(NoResponse):
        await light.zero()
    line.unplug()
    with pytest.raises(Disconnected):
        await light.zero()
    line.silent = False
    line.replug()
    await light.open()
    await light.zero()


async def test_second_controller_on_the_port(wired: Wired) -> None:
    light, line = wired
    await light.open()
    with pytest.raises(PortBusy):
        await ExposureSyncIlluminator("other", line.path).open()
    await light.zero()


async def test_late_reply_is_not_taken_for_the_next(wired: Wired) -> None:
    light, line = wired
    await light.open()
    line.delay_s = 0.2
    with pytest.raises(NoResponse):
        await light.arm((None,))
    line.delay_s = 0.0
    assert await light.log() == ()


async def test_original_labcams_firmware_is_not_ours(plug: Callable[..., PtyLine]) -> None:
    class Labcams:
        def handle(self, data: bytes) -> bytes:
            return b"@E1\n"

    with pytest.raises(IdentityMismatch, match="not an exposure-sync controller"):
        await ExposureSyncIlluminator("light", plug(Labcams()).path).open()


class Scripted:
    """Answers as the controller does, except to one command."""

    def __init__(self, command: str, arguments: tuple[str, ...]) -> None:
        self._controller = ExposureSyncController()
        self._command, self._arguments = command, arguments

    def handle(self, data: bytes) -> bytes:
        asked = decode(data)
        if asked is None or asked.command != self._command:
            return self._controller.handle(data)
        return encode(Line(asked.command, self._arguments, asked.tag))


@pytest.mark.parametrize(
    ("command", "arguments", "error"),
    [
        ("Q", ("XS9",), IdentityMismatch),
        ("P", ("1", "1"), RemoteProtocolError),
        ("O", ("00",), RemoteProtocolError),
        ("Z", ("1",), RemoteProtocolError),
        ("L", (), RemoteProtocolError),
        ("L", ("2", "0"), RemoteProtocolError),
        ("L", ("1", "1", "0.0.0"), RemoteProtocolError),
        ("L", ("1", "0", "0.9.0"), RemoteProtocolError),
        ("L", ("1", "0", "0.0"), RemoteProtocolError),
        ("L", ("65", "0", "0.0.0"), RemoteProtocolError),
    ],
)
async def test_units_that_lie(
    plug: Callable[..., PtyLine], command: str, arguments: tuple[str, ...], error: type[Exception]
) -> None:
    light = ExposureSyncIlluminator("light", plug(Scripted(command, arguments)).path)

    async def use() -> None:
        await light.open()
        await light.zero()
        await light.arm((None,))
        await light.log()

    with pytest.raises(error):
        await use()
    await light.close()


async def test_every_led_gets_its_pulse(plug: Callable[..., PtyLine]) -> None:
    controller = ExposureSyncController()
    light = ExposureSyncIlluminator("light", plug(controller).path, delay_us=0, pulses={"850L": 1000, "970R": 3000})
    await light.open()
    await light.arm(("850L", "970R", "940L"))
    shares = []
    for _ in range(3):
        flash = controller.exposure_started(4000)
        assert flash is not None
        shares.append(flash.share)
        await asyncio.sleep(0.03)
    await light.close()
    assert shares == [0.25, 0.75, 1.0]


async def test_a_unit_without_an_led_that_is_needed_is_refused_at_open(wired: Wired) -> None:
    light = ExposureSyncIlluminator("light", wired[1].path, pulses={"850L": 4000, "1050L": 4000})
    with pytest.raises(DeviceRefused, match="LEDs 1050L are not fitted"):
        await light.open()


@pytest.mark.parametrize("settings", [{"pulse_us": 9000}, {"lease_s": 6.0}, {"pulses": {"850L": 9000}}])
async def test_settings_beyond_the_unit_are_refused_at_open(wired: Wired, settings: dict[str, Any]) -> None:
    with pytest.raises(DeviceRefused, match="limit"):
        await ExposureSyncIlluminator("light", wired[1].path, **settings).open()


async def test_log_while_exposures_run(wired: Wired) -> None:
    light, line = wired
    controller = line.emulator
    assert isinstance(controller, ExposureSyncController)
    await light.open()
    await light.zero()
    await light.arm((None, None))
    controller.exposure_started()
    assert [(entry.exposure, entry.led) for entry in await light.log()] == [(0, None)]
    assert isinstance((await light.log())[0], LitExposure)
