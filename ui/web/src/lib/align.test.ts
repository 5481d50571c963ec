import { describe, expect, it } from 'vitest';
import { alignEyes, fit, type Eyes, type Transform } from './align';

const apply = ([a, b, c, d, e, f]: Transform, x: number, y: number): [number, number] => [
  a * x + c * y + e,
  b * x + d * y + f,
];

describe('alignEyes', () => {
  it.each<[string, Eyes]>([
    ['level', [110, 150, 210, 150]],
    ['tilted', [250, 230, 390, 270]],
    ['upside down', [300, 200, 200, 210]],
  ])('puts %s eyes at the same place', (_name, eyes) => {
    const transform = alignEyes(eyes, 320, 400)!;
    const [lx, ly] = apply(transform, eyes[0], eyes[1]);
    const [rx, ry] = apply(transform, eyes[2], eyes[3]);
    expect(lx).toBeCloseTo(160 - 0.18 * 320);
    expect(rx).toBeCloseTo(160 + 0.18 * 320);
    expect(ly).toBeCloseTo(160);
    expect(ry).toBeCloseTo(160);
  });

  it('keeps angles and never mirrors', () => {
    const [a, b, c, d] = alignEyes([250, 230, 390, 270], 320, 400)!;
    expect(a * d - b * c).toBeGreaterThan(0);
    expect(a * c + b * d).toBeCloseTo(0);
  });

  it.each<[string, Eyes]>([
    ['both eyes in one place', [50, 50, 51, 50]],
    ['not a number', [Number.NaN, 0, 100, 0]],
  ])('refuses %s', (_name, eyes) => expect(alignEyes(eyes, 320, 400)).toBeNull());
});

it('fit shows the whole image in the middle', () => {
  expect(apply(fit(640, 320, 320, 400), 0, 0)).toEqual([0, 120]);
  expect(apply(fit(640, 320, 320, 400), 640, 320)).toEqual([320, 280]);
});
