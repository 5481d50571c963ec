"""The simulated world as one object: wires, cameras, reader and the lane's mechanics, on their own threads."""

from hil.rig.faults import Faults
from hil.rig.process import Child, ChildFailed
from hil.rig.rig import Rig

__all__ = ["Child", "ChildFailed", "Faults", "Rig"]
