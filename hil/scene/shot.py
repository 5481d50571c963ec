"""One picture being made: where parts are drawn, for which pose, camera and site, and how finely."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hil.scene.optics.response import Site
from hil.scene.surface import Part
from hil.scene.view import Camera, Layers, Pose, Seen, draw, look


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """Layers to draw into, and everything that is the same for all parts."""

    layers: Layers
    pose: Pose
    camera: Camera
    site: Site
    detail: int

    def draw(self, *parts: Part | None, bias_mm: float = 0.0) -> None:
        """Add parts in this order; hidden where something drawn before is nearer by more than -`bias_mm`."""
        for part in parts:
            if part is not None:
                draw(self.layers, part, self.pose, self.camera, bias_mm=bias_mm)

    def look(self, part: Part, *, bias_mm: float = 0.0) -> Seen | None:
        """What the camera would see of a part."""
        return look(self.layers, part, self.pose, self.camera, bias_mm=bias_mm)

    def posed(self, pose: Pose) -> Shot:
        """The same picture in another pose."""
        return replace(self, pose=pose)
