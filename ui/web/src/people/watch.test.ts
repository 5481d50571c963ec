import { expect, test } from 'vitest';
import { reminder } from './watch';

test('says nothing before the hour is over, then how long it has been', () => {
  expect(reminder(3599, 3600, 0)).toBeNull();
  expect(reminder(3600, 3600, 0)).toBe(60);
  expect(reminder(4000, 3600, 0)).toBe(66);
});

test('put off, it comes again', () => {
  expect(reminder(3660, 3600, 4200)).toBeNull();
  expect(reminder(4200, 3600, 4200)).toBe(70);
});

test('a limit of none reminds of nothing', () => {
  expect(reminder(1e6, 0, 0)).toBeNull();
});
