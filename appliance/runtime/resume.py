"""What a lane takes over from its last run: passages left open, an emergency, an officer's block; nothing else."""

from appliance import commissioning
from appliance.config import LaneConfig
from appliance.core import phases as ph
from appliance.core.types import Outcome
from appliance.runtime.loop import LaneLoop
from appliance.store.async_store import AsyncStore
from appliance.store.records import JournalRecord, PassageEnded, Record


async def resume(config: LaneConfig, store: AsyncStore, loop: LaneLoop) -> None:
    """Journal the start, and put the loop where only an officer may take it from. Before the loop runs.

    Passages a crash left open ended in nothing: they are closed as aborted before anything else happens.
    """
    unfinished = await store.unfinished()
    closed: list[Record] = [PassageEnded(passage.passage_id, Outcome.ABORTED) for passage in unfinished]
    facts = {"lane_id": config.lane_id, "simulated": config.simulated}
    if (signed := commissioning.digest(config)) is not None:
        facts["commissioning_sha256"] = signed
    await store.append([JournalRecord("lane_started", facts), *closed])
    if (await store.newest("phase") or {}).get("to") == ph.Emergency.__name__:
        loop.resume_emergency()
    if (block := await store.newest("event.block_requested") or {}).get("blocked"):
        loop.resume_block(block["officer"], block["reason"])
