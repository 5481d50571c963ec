"""What of events, commands and second opinions is journalled. Facts and results, never identity or images."""

from collections.abc import Mapping, Sequence
from typing import Any

from appliance.core import commands as cmd
from appliance.core import events as ev
from appliance.core.phases import Lane, Referred
from appliance.core.types import OfficerAction, Topology
from appliance.store.records import DecisionMade, JournalRecord, PassageEnded, PassageStarted, Record


def of_event(event: ev.Event, source: str) -> JournalRecord:
    """The journal's line for an event."""
    name = type(event).__name__
    facts: dict[str, object] = {"source": source}
    match event:
        case ev.DeviceReported(device):
            facts["device"] = device
        case ev.EffectsChanged(effects):
            facts["effects"] = sorted(effects)
        case ev.DoorMoved(door, position):
            facts |= {"door": door, "position": position}
        case ev.OccupancyChanged(occupied):
            facts["occupied"] = occupied
        case ev.ReleaseExpired(door) | ev.ReleaseFailed(door):
            facts["door"] = door
        case ev.DocumentPresented(passage_id):
            facts["passage_id"] = passage_id
        case ev.DocumentRead(passage_id, document):
            facts |= {"passage_id": passage_id, "readable": document.readable, "checks_ok": document.checks_ok}
            facts |= {"chip": document.chip_authentic, "problem": document.problem, "code": document.code}
        case ev.VerificationDone(passage_id, checks):
            facts |= {"passage_id": passage_id, "checks": {check.name: check.result for check in checks}}
        case ev.OfficerDecided(passage_id, action, visual_check, officer, reason, second):
            facts |= {"passage_id": passage_id, "action": action, "visual_check": visual_check}
            facts |= {"officer": officer, "reason": reason} | ({"second_officer": second} if second else {})
        case ev.ServiceRequested(in_service, officer, reason):
            facts |= {"in_service": in_service, "officer": officer, "reason": reason}
        case ev.BlockRequested(blocked, officer, reason):
            facts |= {"blocked": blocked, "officer": officer, "reason": reason}
        case ev.PhaseTimedOut(phase):
            facts["phase"] = phase
        case ev.PassageCounted():
            pass
    return JournalRecord("event." + _snake(name), facts)


def of_shadow(passage_id: str, seen: Mapping[str, Any]) -> JournalRecord:
    """What a second detector said of a capture, beside what the first had said."""
    decided = seen["decided"]
    facts: dict[str, object] = {
        "passage_id": passage_id,
        "result": seen["result"],
        "detector": seen["detector"],
        "reasons": seen["reasons"],
        "species": seen["species"] or "",
        "figures": seen["figures"],
        "decided": decided["result"],
        "decided_by": decided["detector"],
    }
    return JournalRecord("liveness_shadow", facts)


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")


def of_commands(
    commands: Sequence[cmd.Command], event: ev.Event, *, topology: Topology, pack_id: str, simulated: bool
) -> list[Record]:
    """Records of what will be done, written before it is done."""
    records: list[Record] = []
    for command in commands:
        match command:
            case cmd.ReadDocument(passage_id) if isinstance(event, ev.DocumentPresented):
                records.append(PassageStarted(passage_id, topology, pack_id, simulated))
            case cmd.RecordDecision():
                records.append(_decision(command, event))
            case cmd.ReleaseEntry(passage_id, purpose):
                records.append(
                    JournalRecord("command.release_entry", {"passage_id": passage_id or "", "purpose": purpose})
                )
            case cmd.ReleaseExit(passage_id, _, officer):
                facts = {"passage_id": passage_id, "authority": "officer" if officer else "decision"}
                records.append(JournalRecord("command.release_exit", facts))
            case cmd.EndPassage(passage_id, outcome):
                records.append(PassageEnded(passage_id, outcome))
            case cmd.Ignored(phase, name):
                records.append(JournalRecord("ignored", {"phase": phase, "event": name}))
            case _:
                pass
    return records


def _decision(command: cmd.RecordDecision, event: ev.Event) -> DecisionMade:
    decision = command.decision
    if command.officer is None or not isinstance(event, ev.OfficerDecided):
        return DecisionMade(command.passage_id, decision.admit, decision.checks)
    return DecisionMade(
        command.passage_id,
        event.action is OfficerAction.ADMIT,
        decision.checks,
        officer=command.officer,
        action=event.action,
        reason=event.reason,
    )


def of_transition(before: Lane, after: Lane) -> list[Record]:
    """A line when the phase changed its kind, and one when a referral escalates."""
    was, now = type(before.phase).__name__, type(after.phase).__name__
    if was != now:
        return [JournalRecord("phase", {"from": was, "to": now})]
    match before.phase, after.phase:
        case Referred(passage_id, escalated=False), Referred(escalated=True):
            return [JournalRecord("referral_escalated", {"passage_id": passage_id})]
        case _:
            return []
