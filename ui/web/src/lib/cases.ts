/** Which referred travellers wait for the guard, and how passages ended. Pure: no clock, no page. */
import type { AlertView, LaneSnapshot, LaneStatus, PassageView, ReferralView } from './api';

export interface Case {
  lane: string;
  snapshot: LaneSnapshot;
  passage: PassageView;
  referral: ReferralView;
}

/** One case for one status: a card is not drawn anew for what another lane says. */
const CASES = new WeakMap<LaneStatus, Case | null>();

function caseOf(status: LaneStatus): Case | null {
  let found = CASES.get(status);
  if (found === undefined) {
    const { lane, snapshot } = status;
    const passage = snapshot?.passage;
    found = snapshot && passage?.referral && !passage.outcome ? { lane, snapshot, passage, referral: passage.referral } : null;
    CASES.set(status, found);
  }
  return found;
}

/** Referred travellers, escalated ones first, then the longest wait. */
export function heldCases(lanes: Iterable<LaneStatus>): Case[] {
  const cases = [...lanes].flatMap((status) => caseOf(status) ?? []);
  return cases.sort(
    (a, b) =>
      Number(b.referral.escalated) - Number(a.referral.escalated) ||
      Date.parse(a.referral.since) - Date.parse(b.referral.since),
  );
}

/** The case to show: the one on screen while it lasts, so that a new one never takes a half-typed reason away. */
export function pickCase(cases: Case[], current: string | null): Case | null {
  return cases.find((each) => each.passage.passage_id === current) ?? cases[0] ?? null;
}

/** What is announced once: a referral, a further one after another attempt, and its escalation. */
export const newsOf = ({ passage, referral }: Case): string =>
  `${passage.passage_id} ${referral.since}${referral.escalated ? ' escalated' : ''}`;

export interface Ended {
  passageId: string;
  lane: string;
  at: string;
  outcome: NonNullable<PassageView['outcome']>;
}

const KEPT = 12;

/** The list of ended passages with this snapshot's added, newest first; the same list when there is nothing new. */
export function noteEnded(ended: Ended[], snapshot: LaneSnapshot): Ended[] {
  const passage = snapshot.passage;
  if (!passage?.outcome || ended.some((each) => each.passageId === passage.passage_id)) return ended;
  const entry = { passageId: passage.passage_id, lane: snapshot.lane_id, at: snapshot.at, outcome: passage.outcome };
  return [entry, ...ended].slice(0, KEPT);
}

/** Alerts of posts that only watch which nobody has acknowledged yet. */
export function openAlerts(lanes: Iterable<LaneStatus>): AlertView[] {
  return [...lanes].flatMap((each) => each.watch?.alerts ?? []).filter((alert) => !alert.acknowledged_by);
}

/** Seconds between reminders while nobody has seen who waits or an alert: slow at first, urgent once escalated or cut off. */
export function alarmEvery(cases: Case[], lost: boolean, alerts = 0): number | null {
  const unseen = cases.filter((each) => !each.referral.seen);
  if (lost || unseen.some((each) => each.referral.escalated)) return 3;
  return unseen.length + alerts > 0 ? 10 : null;
}
