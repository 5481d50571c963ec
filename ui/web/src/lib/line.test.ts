import { describe, expect, it } from 'vitest';
import type { DeviceView, LaneStatus } from './api';
import { glance, neighbour, standingOf } from './line';

const AT = '2026-11-28T12:00:00Z';
const HELD_SINCE = '2026-11-28T12:00:30Z';

function lane(snapshot: object = {}, status: object = {}): LaneStatus {
  const base = { lane_id: 'E-01', in_service: true, step: 'present_document', faults: [], passage: null, phase_since: AT };
  return {
    ...{ kind: 'lane', lane: 'lane-1', reachable: true, since: AT, problem: '', last: null, watch: null },
    ...{ snapshot: { ...base, ...snapshot } },
    ...status,
  } as unknown as LaneStatus;
}

const fault = (severity: string): object => ({ code: 1001, severity });
const held = (more: object = {}): object => ({
  passage: { outcome: null, referral: { since: HELD_SINCE, suspected_attack: false, ...more } },
});
const state = (status: LaneStatus): string => glance(status, true).state;

describe('glance', () => {
  it('has the worst of a lane first', () => {
    expect(state(lane())).toBe('inService');
    expect(state(lane({ faults: [fault('notice')] }))).toBe('inService');
    expect(state(lane({ faults: [fault('degraded')] }))).toBe('degraded');
    expect(state(lane({ in_service: false }))).toBe('outOfService');
    expect(state(lane({ in_service: false, faults: [fault('critical')] }))).toBe('fault');
    expect(state(lane({ step: 'emergency', faults: [fault('critical')] }))).toBe('emergency');
    expect(state(lane({ ...held(), faults: [fault('critical')] }))).toBe('held');
    expect(state(lane(held({ suspected_attack: true })))).toBe('attack');
    expect(state(lane({ passage: { outcome: 'second_line', referral: { since: AT } } }))).toBe('inService');
  });
  it('shows the worst fault and counts the others', () => {
    const seen = glance(lane({ faults: [fault('notice'), fault('critical'), fault('degraded')] }), true);
    expect([seen.worst?.severity, seen.further]).toEqual(['critical', 2]);
  });
  it('counts how long somebody is held, else how long the phase lasts', () => {
    expect(glance(lane(held()), true).since).toBe(HELD_SINCE);
    expect(glance(lane(), true).since).toBe(AT);
  });
  it('knows nothing of a lane out of reach but since when', () => {
    const last = { lane_id: 'E-01', at: AT, phase: 'Ready', held: false, inside: false, simulated: true };
    const seen = glance(lane({}, { snapshot: null, reachable: false, last, since: HELD_SINCE }), true);
    expect(seen).toMatchObject({ name: 'E-01', state: 'lost', tone: 'alarm', since: HELD_SINCE, snapshot: null });
  });
  it('shows nothing old while the console is gone, not even who was held', () => {
    expect(glance(lane(held()), false)).toMatchObject({ state: 'notLive', since: null, snapshot: null, worst: null });
  });
  it('tells a post that only watches by its alerts and its cameras', () => {
    const post = (officers: string[], link = 'live'): LaneStatus => {
      const watch = { lane_id: 'H-01', alerts: officers.map((each) => ({ acknowledged_by: each })), cameras: [{ link }] };
      return lane({}, { snapshot: null, watch });
    };
    expect(state(post([]))).toBe('watching');
    expect(state(post(['officer']))).toBe('watching');
    expect(state(post(['officer', '']))).toBe('alerts');
    expect(state(post([], 'lost'))).toBe('blind');
  });
});

it('standingOf takes a fault of unknown weight for the worst', () => {
  const device = (more: object): DeviceView => ({ name: 'gate', kind: 'gate', bands: [], ...more }) as unknown as DeviceView;
  expect(standingOf(device({ state: 'unknown', severity: null }))).toBe('unknown');
  expect(standingOf(device({ state: 'well', severity: null }))).toBe('well');
  expect(standingOf(device({ state: 'fault', severity: 'notice' }))).toBe('notice');
  expect(standingOf(device({ state: 'fault', severity: null }))).toBe('critical');
});

describe('neighbour', () => {
  const lefts = [0, 200, 400, 0, 200, 400, 0]; // three columns, the last row with one tile
  it('goes along the line and up and down its rows', () => {
    expect(neighbour('ArrowRight', 2, lefts)).toBe(3);
    expect(neighbour('ArrowLeft', 3, lefts)).toBe(2);
    expect(neighbour('ArrowDown', 1, lefts)).toBe(4);
    expect(neighbour('ArrowUp', 6, lefts)).toBe(3);
    expect([neighbour('Home', 4, lefts), neighbour('End', 4, lefts)]).toEqual([0, 6]);
  });
  it('stays where there is nothing further', () => {
    expect(neighbour('ArrowLeft', 0, lefts)).toBe(0);
    expect(neighbour('ArrowRight', 6, lefts)).toBe(6);
    expect(neighbour('ArrowUp', 1, lefts)).toBe(1);
    expect(neighbour('ArrowDown', 4, lefts)).toBe(4);
    expect(neighbour('Enter', 4, lefts)).toBe(4);
  });
  it('works in a single column and for a single tile', () => {
    expect(neighbour('ArrowDown', 0, [0, 0])).toBe(1);
    expect(neighbour('ArrowDown', 0, [0])).toBe(0);
  });
});
