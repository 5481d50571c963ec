/** From the lanes' counts to what the plots draw. Plain: no component, no time of its own. */
import { locale, t } from '../lib/say.svelte';
import { duration } from '../lib/words';
import type { HourCounts, StatisticsView } from './api';

export const GROUPS = ['admitted', 'by_officer', 'kept', 'other'] as const;
export type Group = (typeof GROUPS)[number];

const OF: Record<string, Group> = {
  admitted: 'admitted',
  admitted_by_officer: 'by_officer',
  refused_by_officer: 'kept',
  second_line: 'kept',
};

/** One bar: how many passages of each group began in that time. */
export interface Bar {
  begins: string;
  counts: Record<Group, number>;
}

/** The start of the hour or day (UTC) a count belongs to. */
export const bucket = (iso: string, per: 'hour' | 'day'): string =>
  per === 'day' ? `${iso.slice(0, 10)}T00:00:00Z` : `${iso.slice(0, 13)}:00:00Z`;

/** Bars in order, with the empty ones between the first and the last: a gap must look like one. */
export function throughput(rows: readonly HourCounts[], per: 'hour' | 'day'): Bar[] {
  const bars = new Map<string, Bar>();
  const at = (begins: string): Bar => {
    const found = bars.get(begins) ?? { begins, counts: { admitted: 0, by_officer: 0, kept: 0, other: 0 } };
    bars.set(begins, found);
    return found;
  };
  for (const row of rows) at(bucket(row.hour, per)).counts[OF[row.outcome ?? ''] ?? 'other'] += row.passages;
  const times = [...bars.keys()].map((key) => Date.parse(key)).sort((a, b) => a - b);
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined) return [];
  const step = per === 'day' ? 86_400_000 : 3_600_000;
  for (let time = first; time <= last; time += step) at(bucket(new Date(time).toISOString(), per));
  return [...bars.values()].sort((a, b) => a.begins.localeCompare(b.begins));
}

export const sum = (bar: Bar): number => GROUPS.reduce((all, group) => all + bar.counts[group], 0);

/** The end of an axis that holds `most`, and its marks: 1, 2 or 5 times a power of ten apart, three to six of them, but never
 * less than `least` apart. */
export function axis(most: number, least = 0): { end: number; marks: number[] } {
  if (!(most > 0)) return { end: 1, marks: [0, 1] };
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(least, power * ([1, 2, 5].find((each) => each * power >= rough) ?? 10));
  const count = Math.ceil(most / step - 1e-9);
  return { end: count * step, marks: Array.from({ length: count + 1 }, (_, n) => Number((n * step).toPrecision(6))) };
}

/** A number as the language writes it; so many digits after the point, as they come when left out. */
export const number = (value: number, digits?: number): string =>
  value.toLocaleString(locale(), { minimumFractionDigits: digits ?? 0, maximumFractionDigits: digits ?? 6 });

/** "4.2 %"; small rates keep two digits, so that rare is not shown as never. */
export function percent(rate: number): string {
  const value = rate * 100;
  const two = { minimumSignificantDigits: 2, maximumSignificantDigits: 2 };
  return `${value !== 0 && value < 1 ? value.toLocaleString(locale(), two) : number(value, 1)} %`;
}

/** An upper bound, rounded away from the promise. */
export const atMost = (rate: number): string => `${number(Math.ceil(rate * 1000 - 1e-9) / 10, 1)} %`;

/** Counts of the same reason in several lanes together, most frequent first. */
export function reasons(view: StatisticsView): { check: string; result: string; reason: string; count: number }[] {
  const found = new Map<string, { check: string; result: string; reason: string; count: number }>();
  for (const row of view.lanes.flatMap((lane) => lane.reasons)) {
    const key = `${row.check}\n${row.result}\n${row.reason}`;
    const one = found.get(key) ?? { ...row, count: 0 };
    one.count += row.count;
    found.set(key, one);
  }
  return [...found.values()].sort((a, b) => b.count - a.count || a.check.localeCompare(b.check));
}

/** "14:00" or "23 Nov" (UTC). */
export function timeLabel(iso: string, per: 'hour' | 'day'): string {
  const zone = { timeZone: 'UTC' } as const;
  return per === 'day'
    ? new Date(iso).toLocaleDateString(locale(), { ...zone, day: 'numeric', month: 'short' })
    : new Date(iso).toLocaleTimeString(locale(), { ...zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
}

/** "0.8 s". */
export const seconds = (value: number, digits?: number): string => t('after.seconds', { value: number(value, digits) });

/** Seconds as "0.8 s", "12 s" or "2:05 min". */
export function lasted(value: number): string {
  if (value < 10) return seconds(value, 1);
  return value < 100 ? seconds(value, 0) : t('after.minutes', { time: duration(Math.round(value)) });
}

/** "23 Nov 2026, 14:05:09", in this machine's time. */
export const moment = (iso: string): string =>
  new Date(iso).toLocaleString(locale(), {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });

/** What a `datetime-local` field holds, of so many hours before a moment. */
export function fieldTime(now: number, hoursBefore: number): string {
  const at = new Date(now - hoursBefore * 3_600_000);
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/** The same as an instant; "" for an empty or impossible field. */
export function instant(field: string): string {
  const at = new Date(field);
  return field === '' || Number.isNaN(at.getTime()) ? '' : at.toISOString();
}
