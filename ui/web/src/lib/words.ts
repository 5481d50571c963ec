/** House words as a guard reads them. Symbols stand beside colours, never colours alone (ICAO 9303-2, tables C-2, C-3). */
import type { CheckView, LaneSnapshot, OfficerAction, PassageView, ReferralView, Result } from './api';

export const RESULTS: Record<Result, { symbol: string; word: string }> = {
  successful: { symbol: '✓', word: 'successful' },
  failed: { symbol: '✕', word: 'failed' },
  undetermined: { symbol: '?', word: 'undetermined' },
  not_performed: { symbol: '–', word: 'not performed' },
  aborted: { symbol: '■', word: 'aborted' },
};

export const CHECKS: Record<CheckView['name'], string> = {
  document_read: 'Document read',
  document_authenticity: 'Document authenticity',
  document_validity: 'Document validity',
  single_face: 'One person, one face',
  face_quality: 'Face image quality',
  comparison: 'Face comparison',
  liveness: 'Liveness',
  passage: 'Passage',
};

/** The three decisions that end the referral for good; the others are in `actions.ts`. */
export type MainAction = Extract<OfficerAction, 'admit' | 'refuse' | 'second_line'>;

export const ACTIONS: Record<MainAction, { label: string; key: string; done: string }> = {
  admit: { label: 'Admit', key: 'A', done: 'Admitted' },
  refuse: { label: 'Refuse', key: 'R', done: 'Refused' },
  second_line: { label: 'Second line', key: 'S', done: 'Sent to second line' },
};

export const OUTCOMES: Record<NonNullable<PassageView['outcome']>, { word: string; symbol: string; tone: Result }> = {
  admitted: { word: 'Admitted', symbol: '✓', tone: 'successful' },
  admitted_by_officer: { word: 'Admitted by officer', symbol: '✓', tone: 'successful' },
  refused_by_officer: { word: 'Refused by officer', symbol: '✕', tone: 'failed' },
  second_line: { word: 'Second line', symbol: '→', tone: 'undetermined' },
  let_out_by_officer: { word: 'Let out by officer', symbol: '←', tone: 'not_performed' },
  walked_away: { word: 'Walked away', symbol: '–', tone: 'not_performed' },
  unattended: { word: 'Unattended', symbol: '?', tone: 'undetermined' },
  aborted: { word: 'Aborted', symbol: '■', tone: 'aborted' },
};

export const REASONS: Record<MainAction, readonly string[]> = {
  admit: ['Same person, seen in person', 'Bare face, no mask', 'Capture was poor'],
  refuse: ['Wears a mask', 'Not the holder', 'Document not valid'],
  second_line: ['Identity in doubt', 'Document in doubt', 'Needs help'],
};

/** The phase of a post that only watches, as last known. */
export const WATCHING = 'Watching';

/** "WaitingForFace" or "waiting_for_face" as "Waiting for face". */
export function phaseWords(phase: string): string {
  const words = phase
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "2:05" for 125 s; never negative. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export const clockTime = (iso: string): string =>
  new Date(iso).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** One line on a lane's state, worst first. */
export function laneLine(snapshot: LaneSnapshot): { word: string; tone: 'alarm' | 'warn' | 'calm' | 'off' } {
  if (snapshot.passage?.referral && !snapshot.passage.outcome) return { word: 'Traveller held', tone: 'alarm' };
  if (snapshot.step === 'emergency') return { word: 'Emergency release', tone: 'alarm' };
  if (!snapshot.in_service) return { word: 'Out of service', tone: 'off' };
  if (snapshot.faults.some((fault) => fault.severity !== 'notice')) return { word: 'In service, degraded', tone: 'warn' };
  return { word: 'In service', tone: 'calm' };
}

const ORDER: readonly Result[] = ['failed', 'undetermined', 'aborted', 'not_performed', 'successful'];

/** The checks that kept the traveller from passing first, in the order of their weight; otherwise as they came. */
export function failingFirst(checks: readonly CheckView[]): CheckView[] {
  return [...checks].sort((a, b) => ORDER.indexOf(a.result) - ORDER.indexOf(b.result));
}

/** Where the traveller is, and what the doors' own contacts say about it; nothing is assumed. */
export function whereabouts(snapshot: LaneSnapshot, referral: ReferralView): string {
  const place = referral.inside ? 'Traveller is inside' : 'Traveller is outside the lane';
  const loose = snapshot.doors.filter((door) => door.position !== 'closed' || door.released);
  if (loose.length === 0) return `${place}; ${snapshot.doors.length > 1 ? 'both doors' : 'door'} closed`;
  const words = loose.map((door) => `${door.door} door ${door.position}${door.released ? ', released' : ''}`);
  return `${place}; ${words.join('; ')}`;
}
