import { describe, expect, it } from 'vitest';
import { ACTIONS, MAIN, OTHERS, REQUESTS, keyOf, pressed } from './actions';

it('gives every action a key of its own', () => {
  expect(new Set(ACTIONS.map(keyOf)).size).toBe(ACTIONS.length);
  expect(ACTIONS).toEqual(expect.arrayContaining([...MAIN, ...OTHERS, ...REQUESTS]));
});

describe('a shortcut', () => {
  const key = (code: string, more: Partial<KeyboardEvent> = {}): KeyboardEvent =>
    ({ code, altKey: true, ctrlKey: false, metaKey: false, repeat: false, ...more }) as KeyboardEvent;

  it('is Alt and one key, once, among the actions asked for, and not behind a dialog', () => {
    let open = false;
    globalThis.document = { querySelector: () => (open ? {} : null) } as unknown as Document;
    expect(pressed(key('KeyH'), ACTIONS)).toBe('hold');
    expect(pressed(key('KeyH'), ['retry'])).toBeUndefined();
    for (const more of [{ altKey: false }, { ctrlKey: true }, { metaKey: true }, { repeat: true }]) {
      expect(pressed(key('KeyH', more), ACTIONS)).toBeUndefined();
    }
    open = true;
    expect(pressed(key('KeyH'), ACTIONS)).toBeUndefined();
  });
});
