/** What an officer can do about a referred traveller, as the page offers it. What is admissible the lane says. */
import type { OfficerAction } from './api';

/** The decisions that end the referral for good. */
export const MAIN = ['admit', 'refuse', 'second_line'] as const;
export const OTHERS = ['retry', 'hold'] as const;
export const REQUESTS = ['ask_mask_off', 'ask_glasses_off', 'ask_hat_off'] as const;

/** With Alt, on every keyboard layout: the key's place, not its letter. */
const KEYS: Record<OfficerAction, string> = {
  admit: 'A',
  refuse: 'R',
  second_line: 'S',
  retry: 'V',
  hold: 'H',
  open_entry: 'O',
  ask_mask_off: 'M',
  ask_glasses_off: 'G',
  ask_hat_off: 'T',
  acknowledge: 'K',
};
export const ACTIONS = Object.keys(KEYS) as OfficerAction[];
export const keyOf = (action: OfficerAction): string => KEYS[action];

/** Whether a key with Alt is one of ours now: pressed once, alone with Alt, and no dialog open. */
export const isShortcut = (event: KeyboardEvent): boolean =>
  event.altKey && !event.ctrlKey && !event.metaKey && !event.repeat && !document.querySelector('dialog[open]');

/** The action whose shortcut this is. */
export function pressed<A extends OfficerAction>(event: KeyboardEvent, actions: readonly A[]): A | undefined {
  return isShortcut(event) ? actions.find((each) => `Key${keyOf(each)}` === event.code) : undefined;
}
