"""`python -m hil.bench.stale`: how often a Modbus client takes the wrong reply for an answer, ours beside pymodbus.

A hostile peer answers late, twice, with an older reply, with a broken one, or not at all. Every answer carries the
number of its request, so that a wrong one is seen. In virtual time; the peer's delays are up to 0.45 s, within the
0.5 s after which our session holds that nothing more can come. Nothing here is a device.

A second row lets the peer send a right reply again, up to 0.45 s later (a replay): without a number in the frame no
client can tell such a copy from the next answer. What ours can do is to notice the one frame too many and say so by the
next request; the row counts both.
"""

import argparse
import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping

from pymodbus import pymodbus_apply_logging_config
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusIOException
from rich.console import Console
from rich.progress import track
from rich.table import Table

from drivers.errors import DriverError
from drivers.modbus.client import ModbusClient
from drivers.modbus.frames import Function, Read, Reply, Request, Values, decode_request, encode_reply
from drivers.session import Session, Timing
from drivers.transport.null_modem import null_modem
from hil import virtual_time
from hil.report.measurements import bound

REPLY_S = 0.15
_LATEST_S = 0.45
_REGISTERS = (Function.READ_HOLDING_REGISTERS, Function.READ_INPUT_REGISTERS)
_SPACERS = (Read(1, Function.READ_COILS, 0, 16), Read(1, Function.READ_DISCRETE_INPUTS, 0, 16))
HOSTILE = {"well": 80, "late": 8, "twice": 4, "older": 3, "silent": 3, "broken": 2}
REPLAYS = {"well": 95, "replayed": 5}


class HostilePeer:
    """Answers register reads with a number of their own; `emit` puts bytes on the line."""

    def __init__(self, weights: Mapping[str, int], seed: int, emit: Callable[[bytes], None]) -> None:
        self._rng = random.Random(seed)
        self._weights = dict(weights)
        self._emit = emit
        self._older = b""
        self.expected = 0
        self.did: Counter[str] = Counter()

    def handle(self, data: bytes) -> None:
        """One whole request."""
        request = decode_request(data)
        assert isinstance(request, Read)
        if request.function in _REGISTERS:
            self.expected = (self.expected + 1) & 0xFFFF
            values: tuple[int, ...] = (self.expected,)
        else:
            values = tuple(self.expected >> bit & 1 for bit in range(request.count))
        reply = encode_reply(Values(1, request.function, values))
        how = self._rng.choices(list(self._weights), list(self._weights.values()))[0]
        self.did[how] += 1
        self._answer(how, reply)
        self._older = reply

    def _answer(self, how: str, reply: bytes) -> None:
        soon, late = self._rng.uniform(0.001, 0.02), self._rng.uniform(REPLY_S * 0.9, _LATEST_S)
        match how:
            case "well":
                self._at(soon, reply)
            case "late":
                self._at(late, reply)
            case "twice":
                self._at(soon, reply + reply)
            case "replayed":
                self._at(soon, reply)
                self._at(late, reply)
            case "older":
                self._at(soon, self._older)
                self._at(soon + 0.002, reply)
            case "broken":
                spoilt = bytearray(reply)
                spoilt[self._rng.randrange(len(reply))] ^= 1 << self._rng.randrange(8)
                self._at(soon, bytes(spoilt))
            case _:
                pass

    def _at(self, after: float, data: bytes) -> None:
        if data:
            asyncio.get_running_loop().call_later(after, self._emit, data)


async def ours(exchanges: int, weights: Mapping[str, int], seed: int, tell: Callable[[], None]) -> Counter[str]:
    """Our session and client: answered, failed, wrong."""
    near, far = null_modem("stale")
    peer = HostilePeer(weights, seed, far.emit)
    far.on_bytes = peer.handle
    clock = asyncio.get_running_loop().time
    session: Session[Request, Reply] = Session(
        "stale", near, ModbusClient(_SPACERS), timing=Timing(reply_s=REPLY_S), monotonic=clock
    )
    found: Counter[str] = Counter()
    rng, unnoticed = random.Random(seed + 1), 0
    for _ in range(exchanges):
        function = rng.choice(_REGISTERS)
        try:
            reply = await session.request(Read(1, function, 0, 1), expires_s=60.0)
        except DriverError:
            found["failed"] += 1
            found["noticed"] += unnoticed
            unnoticed = 0
        else:
            assert isinstance(reply, Values)
            good = reply.values == (peer.expected,)
            found["answered" if good else "wrong"] += 1
            unnoticed += not good
        tell()
    return found


class _Wire(asyncio.Transport):
    """pymodbus's end of the line."""

    def __init__(self) -> None:
        super().__init__()
        self.handle: Callable[[bytes], None] = lambda _: None

    def write(self, data: bytes) -> None:  # type: ignore[override]
        """A request."""
        asyncio.get_running_loop().call_soon(self.handle, bytes(data))

    def close(self) -> None:
        """Nothing to close."""

    def abort(self) -> None:
        """Nothing to abort."""

    def is_closing(self) -> bool:
        """It never closes."""
        return False


async def theirs(exchanges: int, weights: Mapping[str, int], seed: int, tell: Callable[[], None]) -> Counter[str]:
    """pymodbus's asynchronous client as it comes, without retries, against the same peer."""
    client, wire = AsyncModbusSerialClient("stale", timeout=REPLY_S, retries=0), _Wire()
    client.ctx.connection_made(wire)
    peer = HostilePeer(weights, seed, client.ctx.data_received)
    wire.handle = peer.handle
    found: Counter[str] = Counter()
    rng = random.Random(seed + 1)
    for _ in range(exchanges):
        function = rng.choice(_REGISTERS)
        holding = function is Function.READ_HOLDING_REGISTERS
        read = client.read_holding_registers if holding else client.read_input_registers
        try:
            reply = await read(0, count=1, device_id=1)
        except ModbusIOException:
            found["failed"] += 1
        else:
            good = not reply.isError() and reply.registers == [peer.expected]
            found["answered" if good else "wrong"] += 1
        tell()
    return found


def main() -> None:
    """Run all and print; exit code 1 when ours has taken one wrong reply, or let a replay pass unnoticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--exchanges", type=int, default=1_000_000, help="with our client")
    parser.add_argument("--beside", type=int, default=50_000, help="with pymodbus, and of each with replays")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    pymodbus_apply_logging_config(logging.CRITICAL)
    console = Console()
    title = "hostile peer (virtual time)"
    table = Table("client", "peer", "exchanges", "answered", "given up", "wrong reply taken", "95 % bound", title=title)
    failed = False
    for name, peer, work, weights, count in (
        ("ours", "hostile", ours, HOSTILE, given.exchanges),
        ("pymodbus", "hostile", theirs, HOSTILE, given.beside),
        ("ours", "replays", ours, REPLAYS, given.beside),
        ("pymodbus", "replays", theirs, REPLAYS, given.beside),
    ):
        steps = iter(track(range(count), f"{name}, {peer}", console=console, transient=True))
        found = virtual_time.run(work(count, weights, given.seed, lambda steps=steps: next(steps, None)))  # type: ignore[misc]
        wrong, noticed = found["wrong"], found["noticed"]
        words = f"{wrong:,}" + (f", {noticed:,} noticed by the next requests" if noticed else "")
        limit = bound(count) if not wrong else f"{wrong / count:.2%} of all"
        table.add_row(name, peer, f"{count:,}", f"{found['answered']:,}", f"{found['failed']:,}", words, limit)
        failed = failed or (work is ours and wrong > noticed + 1)
    console.print(table)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
