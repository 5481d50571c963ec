/** Texts of the traveller display. The type makes a missing step or advice a build error. */
import type { Advice, Step } from './api';
import ar from '../texts/ar.json';
import de from '../texts/de.json';
import en from '../texts/en.json';

export interface Catalogue {
  language: string;
  simulated: string;
  steps: Record<Step, { title: string; text: string }>;
  advice: Record<Advice, string>;
}

export const CATALOGUES = { en, de, ar } satisfies Record<string, Catalogue>;
export type Language = keyof typeof CATALOGUES;
export const LANGUAGES = Object.keys(CATALOGUES) as Language[];
const RIGHT_TO_LEFT: ReadonlySet<string> = new Set(['ar']);

/** The language asked for, English when it is not spoken here. */
export function pickLanguage(wanted: string | null): Language {
  return LANGUAGES.find((each) => each === wanted) ?? 'en';
}

export const direction = (language: Language): 'rtl' | 'ltr' => (RIGHT_TO_LEFT.has(language) ? 'rtl' : 'ltr');
