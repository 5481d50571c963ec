import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { QUIET_MS, openStream } from './stream';

class FakeSource {
  static all: FakeSource[] = [];
  onmessage: ((message: { data: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;
  constructor(readonly url: string) {
    FakeSource.all.push(this);
  }
  close(): void {
    this.closed = true;
  }
}

beforeEach(() => {
  FakeSource.all = [];
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', FakeSource);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('reports a stream that stays open and goes quiet, then tries again', () => {
  const links: boolean[] = [];
  openStream('/x', () => undefined, (up) => links.push(up));
  FakeSource.all[0]!.onmessage!({ data: '{}' });
  vi.advanceTimersByTime(QUIET_MS - 1);
  expect(links).toEqual([true]);
  vi.advanceTimersByTime(1);
  expect(links).toEqual([true, false]);
  expect(FakeSource.all[0]!.closed).toBe(true);
  vi.advanceTimersByTime(1000);
  expect(FakeSource.all).toHaveLength(2);
});

it('reports a broken stream at once and stays closed when told', () => {
  const links: boolean[] = [];
  const stream = openStream('/x', () => undefined, (up) => links.push(up));
  FakeSource.all[0]!.onerror!();
  expect(links).toEqual([false]);
  stream.close();
  vi.advanceTimersByTime(60_000);
  expect(FakeSource.all).toHaveLength(1);
  expect(links).toEqual([false]);
});
