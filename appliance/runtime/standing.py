"""How a lane stands: the state of each of its devices, and its operating mode. Pure: configuration and faults in.

Not responsible for raising faults (their owners) nor for what follows from them (`core.faults`).
"""

from appliance.config import LaneConfig
from appliance.control.messages import DeviceView, ModeView
from appliance.core.faults import CATALOGUE, Severity
from appliance.core.types import MANDATORY, CheckName, Claim
from appliance.runtime.faults import FaultRegister

_ORDER: tuple[Severity, ...] = ("notice", "degraded", "critical")
LEFT_OUT = {
    CheckName.DOCUMENT_READ: "No document is read.",
    CheckName.DOCUMENT_VALIDITY: "The validity of a document is not checked.",
    CheckName.DOCUMENT_AUTHENTICITY: "The authenticity of a document is not checked.",
    CheckName.SINGLE_FACE: "That one person is alone is not mandatory.",
    CheckName.FACE_QUALITY: "The quality of the face image is not mandatory.",
    CheckName.COMPARISON: "The face comparison is not mandatory.",
    CheckName.LIVENESS: "Liveness is not mandatory.",
}
_MASKS = {"ignore": "Medical masks are not looked for.", "allow": "A medical mask may stay on."}


def mode(config: LaneConfig) -> ModeView:
    """The mode that the configuration amounts to (ICAO 9303-2 D.7): nothing can call itself more secure than it is."""
    left_out = MANDATORY - config.core_policy().mandatory
    relaxed = [LEFT_OUT[name] for name in CheckName if name in left_out]
    if not config.policy.require_guard:
        relaxed.append("No guard has to watch.")
    if config.face.masks in _MASKS:
        relaxed.append(_MASKS[config.face.masks])
    return ModeView(name="high_convenience" if relaxed else "high_security", relaxed=tuple(relaxed))


def devices(config: LaneConfig, faults: FaultRegister) -> tuple[DeviceView, ...]:
    """Every device that is configured. One is well only when it has answered and nothing active speaks against it."""
    found = [_camera(config, name, faults) for name in config.cameras.all]
    found += [
        _view(f"illumination.{camera}", "illumination", faults, tuple(light.bands))
        for camera, light in config.illumination.items()
    ]
    found.append(_view("gate", "gate", faults))
    if config.document_reader.claim is not Claim.NOBODY:
        found.append(_view("document_reader", "reader", faults))
    if config.presence is not None:
        found.append(_view("presence", "presence", faults))
    return tuple(found)


def _camera(config: LaneConfig, name: str, faults: FaultRegister) -> DeviceView:
    bands = tuple(config.illumination[name].bands) if name in config.illumination else (name,)
    seen = _view(f"camera.{name}", "camera", faults, bands)
    # A camera is seen through the vision process: while that is lost nothing is known of it.
    blind = seen.state == "well" and 1004 in faults.codes
    return seen.model_copy(update={"state": "unknown"}) if blind else seen


def _view(name: str, kind: str, faults: FaultRegister, bands: tuple[str, ...] = ()) -> DeviceView:
    own = [CATALOGUE[fault.code].severity for fault in faults.active if _concerns(fault.device, name)]
    worst = max(own, key=_ORDER.index, default=None)
    state = "fault" if worst is not None else "well" if name in faults.answered else "unknown"
    return DeviceView.model_validate({"name": name, "kind": kind, "bands": bands, "state": state, "severity": worst})


def _concerns(said: str, name: str) -> bool:
    """Whether a fault of `said` is one of `name`: its own, of a part of it ("gate.entry"), or of all of its kind."""
    return said == name or said.startswith(f"{name}.") or name.startswith(f"{said}.")
