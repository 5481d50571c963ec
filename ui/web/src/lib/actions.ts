/** What an officer can do about a referred traveller, as the page offers it. What is admissible the lane says. */
import type { OfficerAction } from './api';
import { t } from './say.svelte';
import { ACTIONS, type MainAction } from './words';

export const MAIN: readonly MainAction[] = ['admit', 'refuse', 'second_line'];
export const OTHERS = ['retry', 'hold'] as const;
export const REQUESTS = ['ask_mask_off', 'ask_glasses_off', 'ask_hat_off'] as const;

/** With Alt, on every keyboard layout: the key's place, not its letter. */
const KEYS: Record<Exclude<OfficerAction, MainAction>, string> = {
  retry: 'V',
  hold: 'H',
  open_entry: 'O',
  ask_mask_off: 'M',
  ask_glasses_off: 'G',
  ask_hat_off: 'T',
  acknowledge: 'K',
};

const isMain = (action: OfficerAction): action is MainAction => Object.hasOwn(ACTIONS, action);

export const keyOf = (action: OfficerAction): string => (isMain(action) ? ACTIONS[action].key : KEYS[action]);
export const labelOf = (action: OfficerAction): string => (isMain(action) ? ACTIONS[action].label : t(`decide.${action}`));
export const doneOf = (action: OfficerAction): string =>
  isMain(action) ? ACTIONS[action].done : t(`decide.${action}Done`);

/** What a journal calls an action; one of another release as it stands there. */
export const deed = (action: string): string =>
  Object.hasOwn(ACTIONS, action) || Object.hasOwn(KEYS, action) ? doneOf(action as OfficerAction) : action;

/** The action whose shortcut this is, if no dialog is open. */
export function pressed<A extends OfficerAction>(event: KeyboardEvent, actions: readonly A[]): A | undefined {
  if (!event.altKey || event.ctrlKey || event.metaKey || event.repeat) return undefined;
  if (document.querySelector('dialog[open]')) return undefined;
  return actions.find((each) => `Key${keyOf(each)}` === event.code);
}
