/** House words as a guard reads them. Symbols stand beside colours, never colours alone (ICAO 9303-2, tables C-2, C-3). */
import type { CheckView, InspectionView, LaneSnapshot, OfficerAction, PassageView, ReferralView, Result } from './api';
import { locale, named, said, t } from './say.svelte';

type Outcome = NonNullable<PassageView['outcome']>;

const SYMBOLS: Record<Result, string> = {
  successful: '✓',
  failed: '✕',
  undetermined: '?',
  not_performed: '–',
  aborted: '■',
};
export const RESULTS = Object.keys(SYMBOLS) as Result[];
export const symbolOf = (result: string): string => SYMBOLS[result as Result] ?? '?';
export const resultWord = (result: string): string => named('guard', 'result', result);

export const CHECKS = [
  ...['document_read', 'document_authenticity', 'document_validity', 'single_face', 'face_quality'],
  ...['comparison', 'liveness', 'passage'],
] as CheckView['name'][];
export const checkWord = (check: string): string => named('guard', 'check', check);

const INSPECTION: Record<InspectionView['step'], true> = {
  mrz: true,
  access: true,
  reading: true,
  passive_authentication: true,
  clone_detection: true,
  consistency: true,
  portrait: true,
};
export const STEPS = Object.keys(INSPECTION) as InspectionView['step'][];
export const stepWord = (step: string): string => named('guard', 'step', step);

export const actionWord = (action: string): string => named('guard', 'action', action);
export const doneWord = (action: string | null): string => named('guard', 'done', action ?? '');
/** Usual reasons; one that is picked goes into the journal in these words. */
export const reasonsFor = (action: OfficerAction): string[] =>
  ['1', '2', '3'].map((n) => named('guard', 'reason', `${action}_${n}`));

const ENDS: Record<Outcome, { symbol: string; tone: Result }> = {
  admitted: { symbol: '✓', tone: 'successful' },
  admitted_by_officer: { symbol: '✓', tone: 'successful' },
  refused_by_officer: { symbol: '✕', tone: 'failed' },
  second_line: { symbol: '→', tone: 'undetermined' },
  let_out_by_officer: { symbol: '←', tone: 'not_performed' },
  walked_away: { symbol: '–', tone: 'not_performed' },
  unattended: { symbol: '?', tone: 'undetermined' },
  aborted: { symbol: '■', tone: 'aborted' },
};
export const OUTCOMES = Object.keys(ENDS) as Outcome[];
/** How a passage ended; nothing for a word of another release. */
export const endOf = (outcome: string | null): { symbol: string; tone: Result } | undefined => ENDS[outcome as Outcome];
export const outcomeWord = (outcome: string): string => named('guard', 'outcome', outcome);

/** The phase of a post that only watches, as last known. */
export const WATCHING = 'Watching';

/** "WaitingForFace" or "waiting_for_face" as "Waiting for face". */
export function phaseInEnglish(phase: string): string {
  const words = phase
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
export const phaseWords = (phase: string): string => said(phaseInEnglish(phase));

/** "2:05" for 125 s; never negative. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** "14:05:09", whatever the language: a control room has 24 hours. */
export const clockTime = (iso: string): string =>
  new Date(iso).toLocaleTimeString(locale(), { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** "23 Nov 2026". */
export const dayOf = (iso: string): string => new Date(iso).toLocaleDateString(locale(), { dateStyle: 'medium' });

/** One line on a lane's state, worst first. */
export function laneLine(snapshot: LaneSnapshot): { word: string; tone: 'alarm' | 'warn' | 'calm' | 'off' } {
  if (snapshot.passage?.referral && !snapshot.passage.outcome) return { word: t('guard.state_held'), tone: 'alarm' };
  if (snapshot.step === 'emergency') return { word: t('guard.state_emergency'), tone: 'alarm' };
  if (!snapshot.in_service) return { word: t('guard.state_out'), tone: 'off' };
  const degraded = snapshot.faults.some((fault) => fault.severity !== 'notice');
  return degraded ? { word: t('guard.state_degraded'), tone: 'warn' } : { word: t('guard.state_in'), tone: 'calm' };
}

const ORDER: readonly Result[] = ['failed', 'undetermined', 'aborted', 'not_performed', 'successful'];

/** What kept the traveller from passing first, in the order of its weight; otherwise as it came. */
export function failingFirst<T extends { result: Result }>(results: readonly T[]): T[] {
  return [...results].sort((a, b) => ORDER.indexOf(a.result) - ORDER.indexOf(b.result));
}

/** Every step of a document's inspection once: the worst that is told of it; untold is not performed. */
export const inspected = (told: readonly InspectionView[]): InspectionView[] =>
  STEPS.map((step) => failingFirst(told.filter((one) => one.step === step))[0] ?? { step, result: 'not_performed', reasons: [] });

/** Where the traveller is, and what the doors' own contacts say about it; nothing is assumed. */
export function whereabouts(snapshot: LaneSnapshot, referral: ReferralView): string {
  const place = t(referral.inside ? 'guard.whereInside' : 'guard.whereOutside');
  const loose = snapshot.doors
    .filter((door) => door.position !== 'closed' || door.released)
    .map(({ door, position, released }) => t('guard.doorStands', { door, position }) + (released ? t('guard.alsoReleased') : ''));
  const closed = t(snapshot.doors.length > 1 ? 'guard.bothClosed' : 'guard.oneClosed');
  return [place, ...(loose.length > 0 ? loose : [closed])].join(t('guard.between'));
}
