"""The presence section of a lane's configuration: the sensor above the cell that counts who stands in it."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from appliance.camera_config import UsbId
from appliance.section import Section

Pixels = Annotated[int, Field(ge=16, le=4096)]
Positive = Annotated[float, Field(gt=0)]


class OpticsConfig(Section):
    """Pinhole numbers of the sensor in pixels, from its data sheet or its own calibration."""

    width: Pixels = 640
    height: Pixels = 480
    fx: Positive
    fy: Positive
    cx: Positive
    cy: Positive


class _Presence(Section):
    """`floor` is what `appliance floor` measures in the empty cell, `area` the watched part of it (metres, as
    x_min, x_max, y_min, y_max from the point below the sensor).
    """

    floor: Path
    optics: OpticsConfig
    area: tuple[float, float, float, float] = (-0.75, 0.75, -0.5, 0.5)

    @field_validator("area")
    @classmethod
    def _wide_enough(cls, given: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        from drivers.sensing import Area  # not at the top: it brings OpenCV with it

        Area(*given)
        return given


class V4l2PresenceConfig(_Presence):
    """A depth camera of the kernel's video interface; `unit_m` is how many metres one step of its depths is."""

    kind: Literal["v4l2_depth"]
    path: str
    fps: Annotated[float, Field(ge=5, le=120)] = 30.0
    unit_m: Annotated[float, Field(gt=0, lt=0.1)] = 0.001
    usb_id: UsbId | None = None
    serial_number: str | None = None


class RigPresenceConfig(_Presence):
    """The sensor of the simulated rig."""

    kind: Literal["rig"]
    options: dict[str, Any] = Field(default_factory=dict)


PresenceConfig = Annotated[V4l2PresenceConfig | RigPresenceConfig, Field(discriminator="kind")]
