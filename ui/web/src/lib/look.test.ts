import { describe, expect, it } from 'vitest';
import { alignEyes, type Transform } from './align';
import { HEIGHT, WHOLE, WIDTH, keyed, moved, through, zoomed, type Look } from './look';

const at = ([a, b, c, d, e, f]: Transform, x: number, y: number): [number, number] => [a * x + c * y + e, b * x + d * y + f];

describe('zoomed', () => {
  it('keeps the point under the pointer', () => {
    const look = zoomed(zoomed(WHOLE, 2, 100, 300), 1.5, 100, 300);
    expect(look.scale).toBe(3);
    // The first point stood still from the start: it is that of the whole picture.
    expect([100 * look.scale + look.x, 300 * look.scale + look.y]).toEqual([100, 300]);
  });
  it('is never wider than the whole picture nor closer than eight times', () => {
    expect(zoomed(WHOLE, 0.5)).toEqual(WHOLE);
    expect(zoomed(WHOLE, 1e6).scale).toBe(8);
    expect(zoomed(moved(zoomed(WHOLE, 4), 1e6, -1e6), 1e-6)).toEqual(WHOLE);
  });
});

it('moves no further than the edges', () => {
  const close = zoomed(WHOLE, 2);
  expect(moved(close, 1e6, 1e6)).toEqual({ scale: 2, x: 0, y: 0 });
  expect(moved(close, -1e6, -1e6)).toEqual({ scale: 2, x: -WIDTH, y: -HEIGHT });
  expect(moved(WHOLE, 50, 50)).toEqual(WHOLE);
});

it('knows its keys and leaves every other alone', () => {
  const close = keyed(WHOLE, '+') as Look;
  expect(close.scale).toBeGreaterThan(1);
  expect(keyed(close, '-')!.scale).toBeCloseTo(1, 9);
  expect(keyed(close, 'ArrowRight')!.x).toBeLessThan(close.x);
  expect(keyed(close, '0')).toEqual(WHOLE);
  for (const key of ['a', 'Enter', 'Tab', '1', ' ']) expect(keyed(close, key)).toBeNull();
});

it('brings the eyes of two pictures to one place at any look', () => {
  const looks = [WHOLE, zoomed(WHOLE, 3, 10, 390), moved(zoomed(WHOLE, 2), 30, -60)];
  for (const look of looks) {
    const one = through(look, alignEyes([110, 150, 210, 150], WIDTH, HEIGHT)!);
    const other = through(look, alignEyes([250, 230, 390, 250], WIDTH, HEIGHT)!);
    const [x, y] = at(one, 110, 150);
    const [otherX, otherY] = at(other, 250, 230);
    expect(otherX).toBeCloseTo(x, 6);
    expect(otherY).toBeCloseTo(y, 6);
  }
});
