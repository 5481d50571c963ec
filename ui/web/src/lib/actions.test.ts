import { describe, expect, it } from 'vitest';
import decide from '../texts/console/decide.en.json';
import { MAIN, OTHERS, REQUESTS, deed, keyOf, labelOf, pressed } from './actions';
import type { OfficerAction } from './api';

const ALL: OfficerAction[] = [...MAIN, ...OTHERS, ...REQUESTS, 'open_entry', 'acknowledge'];

describe('actions', () => {
  it('have a key each, and words that the catalogue knows', () => {
    expect(new Set(ALL.map(keyOf)).size).toBe(10);
    for (const action of ALL) {
      expect(labelOf(action)).not.toContain('decide.');
      expect(deed(action)).not.toContain('decide.');
    }
    expect(deed('open_entry')).toBe(decide.open_entryDone);
  });
  it('of another release stand as they were journalled', () => {
    expect(deed('wave')).toBe('wave');
    expect(deed('toString')).toBe('toString');
    expect(deed('')).toBe('');
  });
});

describe('a shortcut', () => {
  const key = (code: string, more: Partial<KeyboardEvent> = {}): KeyboardEvent =>
    ({ code, altKey: true, ctrlKey: false, metaKey: false, repeat: false, ...more }) as KeyboardEvent;

  it('is Alt and one key, once, among the actions asked for, and not behind a dialog', () => {
    let open = false;
    globalThis.document = { querySelector: () => (open ? {} : null) } as unknown as Document;
    expect(pressed(key('KeyH'), ALL)).toBe('hold');
    expect(pressed(key('KeyH'), ['retry'])).toBeUndefined();
    for (const more of [{ altKey: false }, { ctrlKey: true }, { metaKey: true }, { repeat: true }]) {
      expect(pressed(key('KeyH', more), ALL)).toBeUndefined();
    }
    open = true;
    expect(pressed(key('KeyH'), ALL)).toBeUndefined();
  });
});
