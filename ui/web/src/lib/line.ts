/** The line of lanes at a glance: what of a lane draws the eye, and how its devices stand. Pure: no clock, no page. */
import type { DeviceView, FaultView, LaneSnapshot, LaneStatus } from './api';

export type Tone = 'alarm' | 'warn' | 'off' | 'calm';
export type State =
  | 'notLive'
  | 'lost'
  | 'attack'
  | 'held'
  | 'emergency'
  | 'alerts'
  | 'blind'
  | 'fault'
  | 'degraded'
  | 'outOfService'
  | 'blocked'
  | 'watching'
  | 'inService';

const TONES: Record<State, Tone> = {
  notLive: 'alarm',
  lost: 'alarm',
  attack: 'alarm',
  held: 'alarm',
  emergency: 'alarm',
  alerts: 'alarm',
  blind: 'alarm',
  fault: 'warn',
  degraded: 'warn',
  outOfService: 'off',
  blocked: 'off',
  watching: 'calm',
  inService: 'calm',
};
export const SYMBOLS: Record<Tone, string> = { alarm: '✕', warn: '!', off: '–', calm: '✓' };

/** From here on the lanes are shown as a line, unless somebody chooses otherwise. */
export const LINE_FROM = 4;

export interface Glance {
  name: string;
  state: State;
  tone: Tone;
  /** Since when the state that draws the eye has lasted, or the phase; null while nothing is known of it. */
  since: string | null;
  snapshot: LaneSnapshot | null;
  worst: FaultView | null;
  /** Faults beside the worst. */
  further: number;
}

const SEVERITY = ['notice', 'degraded', 'critical'] as const;
const weight = (fault: FaultView): number => SEVERITY.indexOf(fault.severity);

export const laneName = (status: LaneStatus): string =>
  (status.snapshot ?? status.watch ?? status.last)?.lane_id ?? status.lane;

function stateOf({ reachable, snapshot, watch }: LaneStatus, worst: FaultView | null): State {
  if (!reachable) return 'lost';
  if (watch?.alerts.some((alert) => !alert.acknowledged_by)) return 'alerts';
  if (watch) return watch.cameras.some((camera) => camera.link !== 'live') ? 'blind' : 'watching';
  const referral = snapshot?.passage?.outcome ? null : snapshot?.passage?.referral;
  if (referral) return referral.suspected_attack ? 'attack' : 'held';
  if (snapshot?.step === 'emergency') return 'emergency';
  if (worst?.severity === 'critical') return 'fault';
  if (!snapshot?.in_service) return 'outOfService';
  if (worst?.severity === 'degraded') return 'degraded';
  return snapshot.blocked ? 'blocked' : 'inService';
}

/** A lane at a glance. While the console is gone (`live` false) nothing of it is known, and nothing old is shown. */
export function glance(status: LaneStatus, live: boolean): Glance {
  const snapshot = live ? status.snapshot : null;
  const faults = [...(snapshot?.faults ?? [])].sort((a, b) => weight(b) - weight(a));
  const worst = faults[0] ?? null;
  const state = live ? stateOf(status, worst) : 'notLive';
  const referral = state === 'held' || state === 'attack' ? snapshot?.passage?.referral : null;
  const since = !live ? null : (referral?.since ?? snapshot?.phase_since ?? (state === 'lost' ? status.since : null));
  return { name: laneName(status), state, tone: TONES[state], since, snapshot, worst, further: Math.max(0, faults.length - 1) };
}

export type Standing = 'well' | 'unknown' | 'notice' | 'degraded' | 'critical';
export const MARKS: Record<Standing, string> = { well: '✓', unknown: '?', notice: 'i', degraded: '!', critical: '✕' };

export const standingOf = (device: DeviceView): Standing =>
  device.state === 'fault' ? (device.severity ?? 'critical') : device.state;

/**
 * The tile an arrow key leads to; the same for a key that leads nowhere. `lefts` are the left edges of the tiles in
 * their order: a row begins where one is not right of the one before it.
 */
export function neighbour(key: string, from: number, lefts: readonly number[]): number {
  const row = (index: number): number => lefts.slice(1, index + 1).filter((left, at) => left <= lefts[at]!).length;
  const vertical = (by: number): number => {
    const found = lefts.findIndex((left, index) => left === lefts[from] && row(index) === row(from) + by);
    return found < 0 ? from : found;
  };
  switch (key) {
    case 'ArrowLeft':
      return Math.max(0, from - 1);
    case 'ArrowRight':
      return Math.min(lefts.length - 1, from + 1);
    case 'ArrowUp':
      return vertical(-1);
    case 'ArrowDown':
      return vertical(1);
    case 'Home':
      return 0;
    case 'End':
      return lefts.length - 1;
    default:
      return from;
  }
}
