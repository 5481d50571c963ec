"""Who stands in the cell: presence sensors. The count advises the core; it is never a safety device."""

from drivers.sensing.depth import DepthSource, OverheadDepth
from drivers.sensing.floor import Area, Floor, Optics
from drivers.sensing.heads import Scene, Thing, look

__all__ = ["Area", "DepthSource", "Floor", "Optics", "OverheadDepth", "Scene", "Thing", "look"]
