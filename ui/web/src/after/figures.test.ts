import { describe, expect, test } from 'vitest';
import type { HourCounts, StatisticsView } from './api';
import { query } from './api';
import { atMost, axis, bucket, fieldTime, instant, lasted, percent, reasons, sum, throughput } from './figures';

const row = (hour: string, outcome: string | null, passages: number): HourCounts => ({
  hour,
  outcome,
  passages,
  decided: 0,
  judged: 0,
  suspected: 0,
  face_open: 0,
});

describe('throughput', () => {
  test('lanes add up, and hours without anybody are shown', () => {
    const bars = throughput(
      [
        row('2026-11-23T08:00:00Z', 'admitted', 3),
        row('2026-11-23T08:00:00Z', 'admitted', 2),
        row('2026-11-23T11:00:00Z', 'second_line', 1),
        row('2026-11-23T11:00:00Z', null, 1),
        row('2026-11-23T11:00:00Z', 'a word of a later release', 1),
      ],
      'hour',
    );
    expect(bars.map(sum)).toEqual([5, 0, 0, 3]);
    expect(bars[0]?.counts.admitted).toBe(5);
    expect(bars[3]?.counts).toEqual({ admitted: 0, by_officer: 0, kept: 1, other: 2 });
  });
  test('days', () => {
    const bars = throughput([row('2026-11-23T08:00:00Z', 'admitted', 3), row('2026-11-25T23:00:00Z', 'admitted', 1)], 'day');
    expect(bars.map(sum)).toEqual([3, 0, 1]);
  });
  test('nothing', () => expect(throughput([], 'hour')).toEqual([]));
  test('the zone of the lane does not move a bar', () => expect(bucket('2026-11-23T08:59:59+00:00', 'hour')).toBe('2026-11-23T08:00:00Z'));
});

test.each([
  [0, 1],
  [7, 8],
  [10, 10],
  [23, 30],
  [0.034, 0.04],
  [1000, 1000],
])('an axis for %d ends at %d', (most, end) => {
  const found = axis(most);
  expect(found.end).toBeCloseTo(end, 9);
  expect(found.end).toBeGreaterThanOrEqual(most);
  expect(found.marks.length).toBeGreaterThanOrEqual(2);
  expect(found.marks.length).toBeLessThanOrEqual(6);
  expect(found.marks.at(-1)).toBeCloseTo(found.end, 9);
});
test('nobody is half a passage', () => expect(axis(2, 1)).toEqual({ end: 2, marks: [0, 1, 2] }));
test('an axis of no number', () => expect(axis(Number.NaN)).toEqual({ end: 1, marks: [0, 1] }));

test('rare is not never', () => {
  expect(percent(0)).toBe('0.0 %');
  expect(percent(0.0004)).toBe('0.040 %');
  expect(percent(0.123)).toBe('12.3 %');
});
test('bounds are rounded away from the promise', () => {
  expect(atMost(0.1684)).toBe('16.9 %');
  expect(atMost(0.05)).toBe('5.0 %');
  expect(atMost(1)).toBe('100.0 %');
});
test('durations', () => expect([lasted(0.84), lasted(42.4), lasted(125), lasted(3599.6)]).toEqual(['0.8 s', '42 s', '2:05 min', '60:00 min']));

test('the same reason of two lanes is one', () => {
  const one = { check: 'liveness', result: 'failed', reason: 'A mask is suspected.', count: 2 };
  const lane = (lane: string, counts: object[]) => ({ lane, hours: [], steps: [], reasons: counts });
  const view = { per: 'hour', rates: [], missing: [], lanes: [lane('a', [one]), lane('b', [{ ...one, count: 5 }, { ...one, result: 'undetermined', count: 3 }])] } as unknown as StatisticsView;
  expect(reasons(view).map((each) => each.count)).toEqual([7, 3]);
});

test('a field and its instant', () => {
  const now = Date.UTC(2026, 10, 23, 12, 0);
  expect(instant(fieldTime(now, 24))).toBe('2026-11-22T12:00:00.000Z');
  expect([instant(''), instant('nonsense')]).toEqual(['', '']);
});
test('what is empty does not narrow, what is hostile stays one value', () => {
  expect(query({})).toBe('');
  expect(query({ lane: '', words: 'a&lane=b#c', limit: 50, since: undefined })).toBe('?words=a%26lane%3Db%23c&limit=50');
});
