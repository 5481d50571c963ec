"""The faults a rig can have, by name: what breaks on a real lane, done to its model.

Every call returns when the fault is in place. Undoing is a call of its own; `clear` undoes them all.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from drivers.ports import Door
from hil.emulator.exposure_sync import ExposureSyncController
from hil.emulator.pty_line import PtyLine
from hil.rig.world import CAMERAS, World
from hil.scene import Light
from hil.sim.depth import Solid

if TYPE_CHECKING:
    from hil.rig.rig import Rig

RELAYS = {Door.ENTRY: 0, Door.EXIT: 1}


def _flipped(data: bytes) -> bytes:
    """Every reply with one bit wrong in its middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x04]) + data[middle + 1 :]


class Faults:
    """Belongs to one rig. Lines are "gate" and "illumination.nir" (or "swir"), cameras "rgb", "nir" and "swir"."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def _line(self, name: str) -> PtyLine:
        return self._rig.lines[name]

    def unplug_camera(self, name: str) -> None:
        """Its stream ends and it does not open again."""
        self._rig.in_world(lambda world: setattr(world.cameras[name], "unplugged", True))
        self._rig.hang_up(name)

    def replug_camera(self, name: str) -> None:
        """It opens again."""
        self._rig.in_world(lambda world: setattr(world.cameras[name], "unplugged", False))

    def stick_frame(self, name: str, stuck: bool = True) -> None:
        """It repeats its last picture under fresh numbers and times."""
        self._rig.in_world(lambda world: setattr(world.cameras[name], "stuck", stuck))

    def defocus(self, name: str, pixels: float) -> None:
        """Its lens spreads a point by so many pixels (standard deviation); 0 is in focus."""
        self._rig.in_world(lambda world: world.cameras[name].defocus(pixels))

    def unplug_line(self, name: str) -> None:
        """The serial port disappears."""
        self._line(name).unplug()

    def replug_line(self, name: str) -> None:
        """The serial port is back under its path."""
        self._line(name).replug()

    def garble(self, name: str, garbled: bool = True) -> None:
        """Every reply on the line has a wrong bit."""
        self._line(name).garble = _flipped if garbled else None

    def silence(self, name: str, silent: bool = True) -> None:
        """The device takes requests and says nothing."""
        self._line(name).silent = silent

    def weld(self, door: Door) -> None:
        """The release relay's working contact stays closed."""
        self._rig.in_world(lambda world: world.board.weld(RELAYS[door]))

    def break_coil(self, door: Door) -> None:
        """The release relay no longer moves."""
        self._rig.in_world(lambda world: world.board.break_coil(RELAYS[door]))

    def repair_relays(self) -> None:
        """All relays are new."""
        self._rig.in_world(lambda world: world.board.repair())

    def dead_led(self, led: str, dead: bool = True) -> None:
        """An LED has failed; its illuminator does not know."""
        unit = self._unit(led)
        self._rig.in_world(lambda _: (unit.dead.add if dead else unit.dead.discard)(led))

    def swap_leds(self, one: str, other: str) -> None:
        """Two LEDs of an illuminator hang on each other's wires."""
        unit, of_other = self._unit(one), self._unit(other)
        if unit is not of_other:
            raise ValueError(f"{one} and {other} are not on one illuminator")
        self._rig.in_world(lambda _: setattr(unit, "wired", {one: other, other: one}))

    def stick_led(self, led: str) -> None:
        """An LED lights in every exposure, in place of all others."""
        unit = self._unit(led)
        self._rig.in_world(lambda _: setattr(unit, "stuck", led))

    def drift_led(self, led: str, share: float) -> None:
        """An LED gives this share of its power from the next exposure on; 1 is as new."""
        self._unit(led)
        light = self._rig.in_world(lambda world: world.light)
        self._rig.set_light(replace(light, led_power={**light.led_power, led: share}))

    def repair_leds(self) -> None:
        """All LEDs are rightly wired and light when they are told to."""

        def repair(world: World) -> None:
            for unit in world.sync.values():
                unit.dead.clear()
                unit.wired, unit.stuck = {}, None

        self._rig.in_world(repair)

    def _unit(self, led: str) -> ExposureSyncController:
        units = self._rig.in_world(lambda world: world.sync)
        for unit in units.values():
            if led in unit.leds:
                return unit
        known = ", ".join(name for unit in units.values() for name in unit.leds)
        raise ValueError(f"no LED {led!r}; there are {known}")

    def emergency(self, active: bool = True) -> None:
        """The emergency contact: all doors are unlocked by wire."""
        self._rig.in_world(lambda world: setattr(world.lane.gate, "emergency", active))

    def out_of_service(self, active: bool = True) -> None:
        """The gate's own controller takes it out of service."""
        self._rig.in_world(lambda world: setattr(world.lane.gate, "out_of_service", active))

    def beside(self, who: list[Solid]) -> None:
        """Somebody comes in beside the traveller."""
        self._rig.in_world(lambda world: setattr(world, "beside", who))

    def leave(self, what: list[Solid]) -> None:
        """Something stands in the lane, and stays."""
        self._rig.in_world(lambda world: setattr(world, "left", what))

    def light(self, light: Light) -> None:
        """Other light in the lane, from the next exposure on."""
        self._rig.set_light(light)

    def clear(self) -> None:
        """Undo every fault."""
        for name, line in self._rig.lines.items():
            line.garble, line.silent, line.delay_s = None, False, 0.0
            if not os.path.lexists(line.path):
                self.replug_line(name)
        self.beside([])
        self.leave([])
        for name in (*CAMERAS, "depth"):
            self.replug_camera(name)
            self.stick_frame(name, False)
            self.defocus(name, 0.0)
        self.repair_leds()
        self.repair_relays()
        self.emergency(False)
        self.out_of_service(False)
        self.light(Light())
