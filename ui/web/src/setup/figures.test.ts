import { expect, it } from 'vitest';
import { heights, newLookId, percent, shareAt, sharp } from './figures';

it('never reads a share that is there as nothing', () => {
  expect(percent(0)).toBe('0.0');
  expect(percent(0.0004)).toBe('<0.1');
  expect(percent(0.001)).toBe('0.1');
  expect(percent(1)).toBe('100.0');
});

it('draws a few pixels beside many so that they can be seen', () => {
  const [many, few, none] = heights([0.99, 0.01, 0]);
  expect(many).toBe(1);
  expect(few).toBeGreaterThan(0.1);
  expect(none).toBe(0);
  expect(heights([0, 0])).toEqual([0, 0]);
});

it('tells sharpness in thousandths', () => expect(sharp(0.01234)).toBe('12.3'));

it('names each look anew, as a lane takes it', () => {
  const [one, other] = [newLookId(), newLookId()];
  expect(one).toMatch(/^[A-Za-z0-9-]{8,64}$/);
  expect(one).not.toBe(other);
});

it('keeps a click within the picture', () => {
  const box = { left: 100, top: 50, width: 200, height: 100 };
  expect(shareAt(box, 200, 75)).toEqual([0.5, 0.25]);
  expect(shareAt(box, 0, 500)).toEqual([0, 1]);
});
