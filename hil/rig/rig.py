"""The rig: starts the simulated world, writes the lane's configuration, lets travellers come, and ends without a trace.

The world lives on one thread with an event loop of its own; two more threads are the serial lines, and a small pool
renders frames. Calls may come from any other thread and return when done. Not here: the appliance's process.
"""

import asyncio
import contextlib
import fcntl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.clock import SystemClock
from appliance.core.types import Claim
from appliance.sites import Site
from drivers.gate.authorisation.token import Receiver
from hil.emulator.authorisation_receiver import ReceiverServer
from hil.emulator.pty_line import Emulator, PtyLine
from hil.rig import office
from hil.rig.config import AUDIENCE, LANE_ID, LaneSettings, RigPaths, commissioning_toml, lane_toml
from hil.rig.faults import Faults
from hil.rig.server import RigServer
from hil.rig.trust import import_trust
from hil.rig.world import World, develop
from hil.scene import Light, Presentation, empty_scene
from hil.sim.observer import Observer
from hil.sim.traveller import Behaviour, Place

T = TypeVar("T")

_LONGEST_SOCKET_PATH = 107
_PATIENCE_S = 10.0


class RigError(Exception):
    """The rig cannot do that; the message says what to do."""


class Rig:
    """`with Rig(directory) as rig:` gives a lane without its appliance; start that with `rig.paths.config`."""

    def __init__(
        self, directory: Path, settings: LaneSettings | None = None, *, seed: int = 1, speed: float = 1.0
    ) -> None:
        self.paths = RigPaths(directory.resolve())
        self.settings = settings or LaneSettings()
        self.lines: dict[str, PtyLine] = {}
        self.till: ReceiverServer | None = None
        self.faults = Faults(self)
        self._seed = seed
        self._speed = speed
        self._stack = ExitStack()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._world: World | None = None
        self._server: RigServer | None = None
        self._stopping: asyncio.Event | None = None

    # --- life -----------------------------------------------------------------------------------------------

    def __enter__(self) -> "Rig":
        longest = max(len(str(path)) for path in (self.paths.socket, self.paths.control))
        if longest > _LONGEST_SOCKET_PATH:
            raise RigError(
                f"{self.paths.directory} is too long a path for a socket: {longest} of {_LONGEST_SOCKET_PATH} bytes;"
                " choose a shorter one"
            )
        self.paths.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with ExitStack() as stack:
            self._claim(stack)
            self.paths.commissioning.write_text(commissioning_toml(self.settings), encoding="utf-8")
            self.paths.config.write_text(lane_toml(self.paths, self.settings), encoding="utf-8")
            if self.settings.site is Site.UNATTENDED_POINT:
                self.till = stack.enter_context(self._opened_till())
            pool = stack.enter_context(ThreadPoolExecutor(2, thread_name_prefix="rig camera"))
            self._world = World(self.settings.topology, seed=self._seed, speed=self._speed, pool=pool)
            if self.settings.claim is Claim.DOCUMENT:
                import_trust(self.paths.trust, self.paths.directory / "utopia", SystemClock().now())
            else:
                office.enrol_cast(self.paths, self.settings)
            if self.settings.claim is Claim.CARD:
                self._world.cards = office.reader(self.paths)
            if self.settings.presence:
                self._world.depth.floor().save(self.paths.floor, serial_number=None)
            develop(empty_scene(), self._world.light, self.settings.leds)
            stack.callback(self._join, self._start())
            wires: dict[str, tuple[Emulator, Path]] = {"gate": (self._world.observer, self.paths.gate)}
            for camera, sync in self._world.sync.items():
                wires[f"illumination.{camera}"] = (sync, self.paths.illumination(camera))
            if self._world.cards is not None:
                wires["cards"] = (self._world.cards, self.paths.card_reader)
            for name, (emulator, path) in wires.items():
                self.lines[name] = stack.enter_context(PtyLine(emulator, path))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all threads, remove ports and socket."""
        self._stack.close()

    def _opened_till(self) -> ReceiverServer:
        """A receiver that acts on what this lane authorises."""
        key = Ed25519PrivateKey.generate()
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        self.paths.key.touch(mode=0o600)
        self.paths.key.write_bytes(key.private_bytes(*form))
        self.paths.till.unlink(missing_ok=True)
        now = SystemClock().now
        receiver = Receiver(key.public_key(), lane_id=LANE_ID, audience=AUDIENCE, now=lambda: now().timestamp())
        return ReceiverServer(receiver, audience=AUDIENCE, socket=self.paths.till)

    def _claim(self, stack: ExitStack) -> None:
        """One rig per directory: the lock goes with the process."""
        lock = stack.enter_context((self.paths.directory / "rig.lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RigError(
                f"another rig runs in {self.paths.directory}; stop it or choose another directory"
            ) from error

    def _start(self) -> threading.Thread:
        ready = threading.Event()
        failure: list[BaseException] = []

        def run() -> None:
            try:
                asyncio.run(self._main(ready))
            except BaseException as error:
                failure.append(error)
                ready.set()

        thread = threading.Thread(target=run, name="rig")
        thread.start()
        ready.wait()
        if failure:
            thread.join()
            raise RigError(f"the rig did not start: {failure[0]}") from failure[0]
        return thread

    async def _main(self, ready: threading.Event) -> None:
        world = self._world
        assert world is not None
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self._server = RigServer(world)
        self.paths.socket.unlink(missing_ok=True)
        listener = await asyncio.start_unix_server(self._server.converse, self.paths.socket)
        living = asyncio.create_task(world.live(), name="world")
        stopping = asyncio.create_task(self._stopping.wait())
        ready.set()
        try:
            await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            listener.close()
            await self._server.end()
            self.paths.socket.unlink(missing_ok=True)
            for task in (living, stopping):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await stopping
            with contextlib.suppress(asyncio.CancelledError):
                await living

    def _join(self, thread: threading.Thread) -> None:
        loop, stopping = self._loop, self._stopping
        assert loop is not None
        assert stopping is not None
        if thread.is_alive():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(stopping.set)
        thread.join()

    # --- calls from other threads ---------------------------------------------------------------------------

    def in_world(self, action: Callable[[World], T]) -> T:
        """Do something where the world lives and return its result."""
        if self._loop is None or self._world is None:
            raise RigError("the rig is not running; use it in a `with` block")
        world = self._world

        async def act() -> T:
            return action(world)

        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(_PATIENCE_S)

    def hang_up(self, camera: str) -> None:
        """Cut a camera's connection."""
        server = self._server
        assert server is not None
        self.in_world(lambda _: server.hang_up(camera))

    def set_light(self, light: Light) -> None:
        """Other light; what stands before the camera is developed for it first."""
        shown = self.in_world(lambda world: world.presentation)
        for presentation in (empty_scene(), shown):
            if presentation is not None:
                develop(presentation, light, self.settings.leds)
        self.in_world(lambda world: setattr(world, "light", light))

    def present(self, presentation: Presentation, document: Path | None, behaviour: Behaviour | None = None) -> None:
        """A traveller arrives, who will look like `presentation` to the cameras and lays the folder `document` down.

        Raises RigError while another is in the lane.
        """
        develop(presentation, self.in_world(lambda world: world.light), self.settings.leds)

        def arrive(world: World) -> None:
            world.lane.present(document, behaviour or Behaviour())
            world.presentation = presentation

        try:
            self.in_world(arrive)
        except RuntimeError as error:
            raise RigError(str(error)) from error

    def change(self, presentation: Presentation) -> None:
        """Whoever is in the lane looks like this from now on."""
        develop(presentation, self.in_world(lambda world: world.light), self.settings.leds)
        self.in_world(lambda world: setattr(world, "presentation", presentation))

    def send_away(self) -> None:
        """Ask whoever stands outside to leave."""
        self.in_world(lambda world: world.lane.traveller.send_away() if world.lane.traveller else None)

    @property
    def place(self) -> Place | None:
        """Where the last traveller is, None when there was none."""
        return self.in_world(lambda world: world.lane.traveller.place if world.lane.traveller else None)

    @property
    def observer(self) -> Observer:
        """The second observer's log."""
        return self.in_world(lambda world: world.observer)
