"""The one suite for every camera. A test module subclasses `CameraContract` and says how to make its camera.

Kinds: "simulated", where a stage exposes, silences and unplugs, and "real", which is skipped with its reason unless the
file named by `--bench` has a device of this kind. Whether a real camera sees light is the self-test's business.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any, ClassVar, Protocol

import numpy as np
import pytest

from drivers.camera.fresh import FreshCamera
from drivers.errors import Disconnected, NoResponse
from drivers.ports import Camera, Frame
from hil.stand import Bench

UNPLUGGED_WITHIN_S = 1.0
"""Fault 18 of the menu: a session ends within a second of an unplugged camera."""
_SCHEDULING_S = 0.3
"""What a busy test machine may add."""


class Stage(Protocol):
    """What happens to a simulated camera."""

    def expose(self, count: int) -> None:
        """So many exposures take place; nothing to do for a camera that runs by itself."""
        ...

    def silence(self) -> None:
        """From now on it gives no frame, though it is there."""
        ...

    def unplug(self) -> None:
        """It is gone until `plug`."""
        ...

    def plug(self) -> None:
        """It is back."""
        ...


class CameraContract:
    """Subclass and override `make`, and `real` unless the kind exists as a simulation only."""

    device: ClassVar[str]
    """The kind in a bench file, e.g. "camera.v4l2"."""
    silent: ClassVar[tuple[type[Exception], ...]] = (NoResponse,)
    """What silence looks like: a camera behind a network cannot tell it from an unplugged one."""

    max_age_s: ClassVar[float] = 0.2
    """How old a frame may be when it is read."""

    def make(self, request: pytest.FixtureRequest) -> tuple[Camera, Stage]:
        """A fresh camera, not yet open; `request` gives fixtures."""
        raise NotImplementedError

    def real(self, options: dict[str, Any]) -> Camera:
        """The camera of the bench; `options` are the keys of its device in the file."""
        raise NotImplementedError

    @pytest.fixture(params=["simulated", "real"])
    def set_up(self, request: pytest.FixtureRequest, bench: Bench) -> Iterator[tuple[Camera, Stage | None]]:
        """The camera under test, not yet open, closed afterwards, and its stage when there is one."""
        camera: Camera
        stage: Stage | None = None
        if request.param == "real":
            options = bench.device(self.device)
            if options is None:
                pytest.skip(f"bench {bench.name} ({bench.tier.name}) has no {self.device}")
            camera = self.real(options)
        else:
            camera, stage = self.make(request)
        yield camera, stage
        camera.close()
        if stage is not None:
            stage.unplug()

    def staged(self, stage: Stage | None) -> Stage:
        """Skip where nobody can pull the cable."""
        if stage is None:
            pytest.skip("a test cannot silence or unplug a real camera")
        return stage

    def frames(self, camera: Camera, stage: Stage | None, count: int) -> list[Frame]:
        """So many frames, each exposed just before it is read."""
        taken = []
        for _ in range(count):
            if stage is not None:
                stage.expose(1)
            taken.append(camera.read(2.0))
        return taken

    def test_open_tells_who_answered(self, set_up: tuple[Camera, Stage | None]) -> None:
        """Who answered has a name."""
        identity = set_up[0].open()
        assert identity.model
        assert identity.verified_on_hardware in (True, False)

    def test_frames_count_up_and_move_forward_in_time(self, set_up: tuple[Camera, Stage | None]) -> None:
        """Numbers without a gap, stamps that rise and lie in the past."""
        camera, stage = set_up
        camera.open()
        begun = time.monotonic()
        taken = self.frames(camera, stage, 5)
        numbers = [frame.sequence for frame in taken]
        assert numbers == list(range(numbers[0], numbers[0] + 5))
        stamps = [frame.stamp for frame in taken]
        assert stamps == sorted(set(stamps))
        # A stamp lies between the frame before the first one and now.
        assert begun - 0.5 < stamps[0]
        assert stamps[-1] <= time.monotonic()

    def test_pictures_are_arrays_of_bytes_of_one_size(self, set_up: tuple[Camera, Stage | None]) -> None:
        """Mono or BGR, 8 bits."""
        camera, stage = set_up
        camera.open()
        images = [frame.image for frame in self.frames(camera, stage, 2)]
        assert images[0].dtype == np.uint8
        assert images[0].ndim == 2 or images[0].shape[2] == 3
        assert images[0].shape == images[1].shape

    def test_every_frame_is_fresh(self, set_up: tuple[Camera, Stage | None]) -> None:
        """What the vision process demands of a frame holds."""
        camera, stage = set_up
        fresh = FreshCamera(camera, time.monotonic, self.max_age_s)
        fresh.open()
        assert len(self.frames(fresh, stage, 5)) == 5

    def test_exposure_is_a_share_of_the_longest(self, set_up: tuple[Camera, Stage | None]) -> None:
        """The longest can always be had again."""
        camera, stage = set_up
        camera.open()
        assert 0 < camera.set_exposure(0.5) <= 1.0
        assert camera.set_exposure(1.0) == 1.0
        assert len(self.frames(camera, stage, 2)) == 2

    def test_closing_twice_and_reading_closed(self, set_up: tuple[Camera, Stage | None]) -> None:
        """Closing never raises; a closed camera has no frame."""
        camera, stage = set_up
        camera.close()
        camera.open()
        self.frames(camera, stage, 1)
        camera.close()
        camera.close()
        with pytest.raises(Disconnected):
            camera.read(0.1)

    def test_opened_again_it_streams_again(self, set_up: tuple[Camera, Stage | None]) -> None:
        """`open` of an open camera begins anew."""
        camera, stage = set_up
        for _ in range(3):
            camera.open()
            assert len(self.frames(camera, stage, 2)) == 2

    def test_a_silent_camera_is_told(self, set_up: tuple[Camera, Stage | None]) -> None:
        """No frame is an error, in time."""
        camera, stage = set_up
        camera.open()
        self.frames(camera, stage, 2)
        self.staged(stage).silence()
        begun = time.monotonic()
        with pytest.raises(self.silent):
            self.drained(camera)
        assert time.monotonic() - begun < UNPLUGGED_WITHIN_S + _SCHEDULING_S

    def test_unplugged_within_a_second_and_back_without_a_restart(self, set_up: tuple[Camera, Stage | None]) -> None:
        """The same object serves again when the camera is back."""
        camera, given = set_up
        stage = self.staged(given)
        camera.open()
        self.frames(camera, stage, 2)
        begun = time.monotonic()
        stage.unplug()
        with pytest.raises(Disconnected):
            self.drained(camera, NoResponse)
        assert time.monotonic() - begun < UNPLUGGED_WITHIN_S + _SCHEDULING_S
        with pytest.raises(Disconnected):
            camera.open()
        with pytest.raises(Disconnected):
            camera.read(0.1)
        stage.plug()
        camera.open()
        assert len(self.frames(camera, stage, 2)) == 2

    def drained(self, camera: Camera, *passed_over: type[Exception]) -> None:
        """Read what had been taken before, until the camera says what is wrong."""
        deadline = time.monotonic() + UNPLUGGED_WITHIN_S + _SCHEDULING_S
        while time.monotonic() < deadline:
            with contextlib.suppress(*passed_over):
                camera.read(0.3)
        raise AssertionError("nothing was told in time")
