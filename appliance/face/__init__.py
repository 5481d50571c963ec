"""Detection, templates and comparison by matcher packs behind one interface (`types.FacePack`).

`packs.load_pack` loads one; importing this package costs nothing. Not responsible for where weights come from
(`appliance.models`), for liveness, nor for what a comparison means for the passage (`appliance.core.decision`).
"""

import sys

# openvino reports every import of it to its maker, over the network, from a thread. A border appliance tells nobody
# anything: without this module it uses its own silent stub.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
