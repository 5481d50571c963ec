/** Texts of the traveller display. The type makes a missing step or advice a build error. */
import type { Advice, Step } from './api';
import ar from '../texts/ar.json';
import de from '../texts/de.json';
import en from '../texts/en.json';
import es from '../texts/es.json';
import fa from '../texts/fa.json';
import fr from '../texts/fr.json';
import he from '../texts/he.json';
import it from '../texts/it.json';
import ja from '../texts/ja.json';
import nl from '../texts/nl.json';
import pl from '../texts/pl.json';
import pt from '../texts/pt.json';
import ru from '../texts/ru.json';
import tr from '../texts/tr.json';
import uk from '../texts/uk.json';
import zh from '../texts/zh.json';

interface Words {
  title: string;
  text: string;
}

export interface Catalogue {
  language: string;
  simulated: string;
  link_lost: Words;
  controls: Record<'languages' | 'large' | 'contrast' | 'sound', string>;
  steps: Record<Step, Words>;
  advice: Record<Advice, string>;
}

export const CATALOGUES = {
  ...{ en, de, fr, es, it, pt, nl, pl, tr, ru, uk },
  ...{ ar, he, fa, zh, ja },
} satisfies Record<string, Catalogue>;
export type Language = keyof typeof CATALOGUES;
export const LANGUAGES = Object.keys(CATALOGUES) as Language[];
const RIGHT_TO_LEFT: ReadonlySet<string> = new Set(['ar', 'fa', 'he']);

export const isSpoken = (wanted: string): wanted is Language => Object.hasOwn(CATALOGUES, wanted);

export const direction = (language: Language): 'rtl' | 'ltr' => (RIGHT_TO_LEFT.has(language) ? 'rtl' : 'ltr');
