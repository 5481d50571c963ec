"""The cameras' section of a lane's configuration: which cameras there are, and what they have in view.

One class per kind; an unknown key of the chosen kind is an error. Not here: what lights them (config), and building the
drivers (devices).
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from appliance.liveness.burst import GreyPatch
from appliance.section import Section

SWITCHED: tuple[Literal["nir", "swir"], ...] = ("nir", "swir")
"""Cameras that see by the light of our own LEDs."""


UsbId = Annotated[str, Field(pattern="^[0-9a-f]{4}:[0-9a-f]{4}$")]
"""Vendor and product ("32e4:9230")."""


class ReferenceConfig(Section):
    """The grey reference in view of a camera: (x, y, width, height) in pixels and its reflectance.

    `width_mm` is how wide that box is on the reference; the visible camera tells by it how far away a face is.
    """

    box: tuple[int, int, int, int]
    reflectance: Annotated[float, Field(gt=0.05, lt=1.0)] = 0.5
    width_mm: Annotated[float, Field(gt=0.0)] | None = None


class _Camera(Section):
    width: Annotated[int, Field(ge=16)] = 640
    height: Annotated[int, Field(ge=16)] = 480
    fps: Annotated[float, Field(ge=1, le=1000)] = 30.0
    reference: ReferenceConfig


class V4l2CameraConfig(_Camera):
    """A camera of the kernel's video interface, named by its path under /dev; `exposure_us` is its longest exposure.

    `usb_id` and `serial_number` pin the one camera it may be.
    """

    kind: Literal["v4l2"]
    path: str
    pixel_format: Literal["GREY", "YUYV", "MJPG"] | None = None
    exposure_us: Annotated[int, Field(ge=100, le=1_000_000)] | None = None
    usb_id: UsbId | None = None
    serial_number: str | None = None


class GenicamCameraConfig(_Camera):
    """A GigE or USB3 Vision camera over Aravis, by the id Aravis gives; `exposure_line` feeds the illuminator."""

    kind: Literal["genicam"]
    camera_id: str
    pixel_format: Literal["Mono8", "BGR8", "RGB8", "BayerRG8"] = "Mono8"
    exposure_us: Annotated[int, Field(ge=10, le=1_000_000)] | None = None
    exposure_line: str | None = None
    trigger_source: str | None = None
    serial_number: str | None = None


class RigCameraConfig(_Camera):
    """A camera of the simulated rig."""

    kind: Literal["rig"]
    options: dict[str, Any] = Field(default_factory=dict)


CameraConfig = Annotated[V4l2CameraConfig | GenicamCameraConfig | RigCameraConfig, Field(discriminator="kind")]


class CamerasConfig(Section):
    """The cameras of the lane: the visible one and any of the switched ones. They see nearly the same picture."""

    rgb: CameraConfig
    nir: CameraConfig | None = None
    swir: CameraConfig | None = None

    @model_validator(mode="before")
    @classmethod
    def _installed(cls, raw: Any) -> Any:
        cameras = raw.items() if isinstance(raw, dict) else ()
        watching = [name for name, one in cameras if isinstance(one, dict) and one.get("kind") == "rtsp"]
        if watching:
            raise ValueError(f"{' and '.join(watching)}: a network stream proves no exposure and decides nothing")
        wanted = [name for name in ("thermal", "depth") if isinstance(raw, dict) and name in raw]
        if wanted:
            raise ValueError(f"{' and '.join(wanted)}: not installed; this version has no driver for such a camera")
        return raw

    @model_validator(mode="after")
    def _measured(self) -> "CamerasConfig":
        if self.rgb.reference.width_mm is None:
            raise ValueError("rgb.reference.width_mm is missing: how wide the box is on the grey card, in millimetres")
        return self

    @property
    def all(self) -> dict[str, CameraConfig]:
        """The cameras there are, by name."""
        return {name: camera for name in ("rgb", *SWITCHED) if (camera := getattr(self, name)) is not None}

    @property
    def patches(self) -> dict[str, GreyPatch]:
        """The grey reference by camera."""
        return {
            name: GreyPatch(*one.reference.box, reflectance=one.reference.reflectance, width_mm=one.reference.width_mm)
            for name, one in self.all.items()
        }
