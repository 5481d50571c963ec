import { describe, expect, it } from 'vitest';
import type { LaneSnapshot, LaneStatus } from './api';
import { alarmEvery, heldCases, newsOf, noteEnded, openAlerts, pickCase } from './cases';

interface Held {
  lane: string;
  since: string;
  escalated?: boolean;
  seen?: { officer: string; since: string } | null;
  outcome?: string | null;
}

function held({ lane, since, escalated = false, seen = null, outcome = null }: Held): LaneStatus {
  const passage = { passage_id: `p-${lane}`, outcome, referral: { since, escalated, seen } };
  return { kind: 'lane', lane, snapshot: { lane_id: lane, at: since, passage } } as unknown as LaneStatus;
}

const early = held({ lane: 'a', since: '2026-11-23T12:00:00Z' });
const late = held({ lane: 'b', since: '2026-11-23T12:00:09Z' });
const urgent = held({ lane: 'c', since: '2026-11-23T12:00:20Z', escalated: true });
const names = (cases: ReturnType<typeof heldCases>): string[] => cases.map((each) => each.lane);

describe('heldCases', () => {
  it('has escalated cases first, then the longest wait', () => {
    expect(names(heldCases([late, urgent, early]))).toEqual(['c', 'a', 'b']);
  });
  it('leaves out decided passages and lanes out of reach', () => {
    const gone = { ...early, snapshot: null } as LaneStatus;
    expect(heldCases([held({ lane: 'd', since: '2026-11-23T12:00:00Z', outcome: 'second_line' }), gone])).toEqual([]);
  });
});

it('heldCases has the same case for a lane that has said nothing new', () => {
  expect(heldCases([early, late])[0]).toBe(heldCases([urgent, early])[1]);
  expect(heldCases([early])[0]).not.toBe(heldCases([{ ...early }])[0]);
});

describe('pickCase', () => {
  it('stays on the case on screen when a more urgent one arrives', () => {
    expect(pickCase(heldCases([early, urgent]), 'p-a')?.lane).toBe('a');
  });
  it('moves to the first when the one on screen is decided', () => {
    expect(pickCase(heldCases([late, early]), 'p-x')?.lane).toBe('a');
    expect(pickCase([], 'p-x')).toBeNull();
  });
});

describe('noteEnded', () => {
  const ended = held({ lane: 'a', since: '2026-11-23T12:00:00Z', outcome: 'admitted' }).snapshot as LaneSnapshot;
  it('takes each passage once and nothing personal', () => {
    const once = noteEnded([], ended);
    expect(Object.keys(once[0]!).sort()).toEqual(['at', 'lane', 'outcome', 'passageId']);
    expect(noteEnded(once, ended)).toBe(once);
  });
  it('forgets the oldest', () => {
    let list = noteEnded([], ended);
    for (let i = 0; i < 30; i++)
      list = noteEnded(list, { ...ended, passage: { ...ended.passage!, passage_id: `q-${i}` } });
    expect(list).toHaveLength(12);
    expect(list[0]!.passageId).toBe('q-29');
  });
});

it('alarmEvery is silent, calm, or urgent', () => {
  expect(alarmEvery([], false)).toBeNull();
  expect(alarmEvery(heldCases([early]), false)).toBe(10);
  expect(alarmEvery(heldCases([urgent]), false)).toBe(3);
  expect(alarmEvery([], true)).toBe(3);
});

it('alarmEvery rests once somebody has seen it, and only then', () => {
  const seen = { officer: 'mo', since: '2026-11-23T12:00:30Z' };
  const calm = held({ lane: 'd', since: '2026-11-23T12:00:00Z', seen });
  const taken = held({ lane: 'e', since: '2026-11-23T12:00:00Z', escalated: true, seen });
  expect(alarmEvery(heldCases([calm, taken]), false)).toBeNull();
  expect(alarmEvery(heldCases([calm, taken, early]), false)).toBe(10);
  expect(alarmEvery(heldCases([calm, urgent]), false)).toBe(3);
  expect(alarmEvery(heldCases([taken]), true)).toBe(3);
});

it('newsOf tells a referral, its escalation and the next attempt apart, and nothing else', () => {
  const told = [early, held({ lane: 'a', since: '2026-11-23T12:00:00Z', escalated: true }), held({ lane: 'a', since: '2026-11-23T12:01:00Z' })];
  const news = told.map((each) => newsOf(heldCases([each])[0]!));
  expect(new Set(news).size).toBe(3);
  const seen = held({ lane: 'a', since: '2026-11-23T12:00:00Z', seen: { officer: 'mo', since: '2026-11-23T12:00:05Z' } });
  expect(newsOf(heldCases([seen])[0]!)).toBe(news[0]);
});

describe('openAlerts', () => {
  const post = (...officers: string[]): LaneStatus =>
    ({ kind: 'lane', lane: 'hall', snapshot: null, watch: { alerts: officers.map((each) => ({ acknowledged_by: each })) } }) as unknown as LaneStatus;

  it('has what nobody has acknowledged, of posts that can be reached', () => {
    expect(openAlerts([post('', 'officer', ''), early])).toHaveLength(2);
    expect(openAlerts([{ ...post(''), watch: null }])).toEqual([]);
  });
  it('reminds slowly, and never more slowly than a traveller who is held', () => {
    expect(alarmEvery([], false, 1)).toBe(10);
    expect(alarmEvery([], false, 0)).toBeNull();
    expect(alarmEvery([], true, 1)).toBe(3);
  });
});
