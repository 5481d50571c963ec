"""The configuration of a place that only watches. Whatever could move, light or read something there is an error."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from appliance.config import ConfigError, checked, read
from appliance.observe.tracks import Votes
from appliance.section import Section
from appliance.sites import Site
from drivers.camera.rtsp import RtspCamera

LONGEST_PASSWORD = 256
_MOVES = ("gate", "door", "doors", "commissioning", "topology", "policy")
_LIGHTS = ("illumination", "cameras", "calibration", "liveness")
_READS = ("document_reader", "presence", "simulation")


class ObservedCamera(Section):
    """One network camera. `user` and the password in `password_file` (mode 600) are given apart from the address."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
    url: str
    user: str = ""
    password_file: Path | None = None


class ObserveSection(Section):
    """What is watched and how. `rate` is pictures judged per second and camera; an alert takes `hits` covered faces out
    of the last `of` of one person; `keep_s` is how long an alert nobody acknowledges stays after its end.
    """

    cameras: Annotated[tuple[ObservedCamera, ...], Field(min_length=1, max_length=8)]
    pack: Literal["auto", "open-omz", "pypi-dlib"] = "auto"
    models_dir: Path = Path("var/models")
    rate: Annotated[float, Field(ge=1, le=15)] = 5.0
    hits: Annotated[int, Field(ge=2, le=60)] = 5
    of: Annotated[int, Field(ge=2, le=120)] = 8
    gone_s: Annotated[float, Field(ge=0.5, le=30)] = 1.5
    keep_s: Annotated[float, Field(ge=10, le=86_400)] = 900.0

    @model_validator(mode="after")
    def _possible(self) -> "ObserveSection":
        if self.hits > self.of:
            raise ValueError(f"hits: {self.hits} of the last {self.of} pictures can never be")
        names = [camera.name for camera in self.cameras]
        if doubles := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"cameras: two are called {', '.join(doubles)}")
        return self

    @property
    def votes(self) -> Votes:
        """The rule of the tracks."""
        return Votes(hits=self.hits, of=self.of, gone_s=self.gone_s)


class ObserveConfig(Section):
    """One post. `simulated` is shown on every screen."""

    site: Literal[Site.OBSERVE]
    lane_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
    profile: Literal["production", "simulated"]
    state_dir: Path
    control_socket: Path
    observe: ObserveSection

    @model_validator(mode="before")
    @classmethod
    def _holds_nothing(cls, raw: Any) -> Any:
        held = [name for name in (*_MOVES, *_LIGHTS, *_READS) if isinstance(raw, dict) and name in raw]
        if held:
            raise ValueError(
                f"{', '.join(held)}: an observe site watches network cameras and moves, lights and reads nothing; "
                "remove it, or give the site another name"
            )
        return raw

    @property
    def simulated(self) -> bool:
        """Whether what is watched is simulated."""
        return self.profile == "simulated"


def observes(path: Path) -> bool:
    """Whether a file is that of a place that only watches. Raises ConfigError when it cannot be read."""
    return read(path).get("site") == Site.OBSERVE


def load_post(path: Path) -> ObserveConfig:
    """Read and check a post's configuration. Raises ConfigError naming every problem."""
    config = checked(path, read(path), ObserveConfig)
    problems = []
    for camera in config.observe.cameras:
        try:
            rtsp_camera(camera)
        except (ConfigError, ValueError) as error:
            problems.append(f"  observe.cameras.{camera.name}: {error}")
    if problems:
        raise ConfigError(f"{path} has {len(problems)} problem{'s' * (len(problems) > 1)}:\n" + "\n".join(problems))
    return config


def rtsp_camera(camera: ObservedCamera) -> RtspCamera:
    """The camera, not yet opened. Raises ConfigError, ValueError; neither repeats address or password."""
    return RtspCamera(camera.name, camera.url, user=camera.user, password=_password(camera.password_file))


def _password(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} can be read by others; chmod 600")
        words = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    password = words.removesuffix(b"\n").removesuffix(b"\r")
    if not 0 < len(password) <= LONGEST_PASSWORD or not password.isascii():
        raise ConfigError(f"{path} holds no password: one line of 1 to {LONGEST_PASSWORD} ASCII characters")
    return password.decode("ascii")
