"""A change of the officer at the station, kept in the journal of a lane or a post. It decides nothing."""

from appliance.control.messages import HandOverRequest, Reply
from appliance.store.async_store import AsyncStore
from appliance.store.errors import StoreError
from appliance.store.records import JournalRecord


async def journal(store: AsyncStore, request: HandOverRequest) -> Reply:
    """Write it down, or say why that could not be done."""
    facts = request.model_dump(include={"officer", "successor", "note", "held"})
    try:
        await store.append([JournalRecord("guard_handed_over", facts)])
    except StoreError as error:
        return Reply(request_id=request.request_id, accepted=False, message=f"The journal cannot be written: {error}")
    return Reply(request_id=request.request_id, accepted=True)
