"""Detection, templates and comparison by matcher packs behind one interface (`types.FacePack`).

`packs.load_pack` loads one; importing this package costs nothing. Not responsible for where weights come from
(`appliance.models`), for liveness, nor for what a comparison means for the passage (`appliance.core.decision`).
"""
