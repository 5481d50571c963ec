/** What the console's pages say, in the language its officer chose. English comes with the page, the others on demand. */
import { IntlMessageFormat } from 'intl-messageformat';
import decide from '../texts/console/decide.en.json';
import guard from '../texts/console/guard.en.json';
import lane from '../texts/console/lane.en.json';

/** A section a page or a group of pages; `lane` holds the sentences that lanes and the console's server send. */
const ENGLISH = { decide, guard, lane };
type Section = keyof typeof ENGLISH;
type Texts = Record<Section, Readonly<Record<string, string>>>;
export type Key = { [S in Exclude<Section, 'lane'>]: `${S}.${keyof (typeof ENGLISH)[S] & string}` }[Exclude<Section, 'lane'>];
export type Values = Record<string, string | number>;

export const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français', es: 'Español', ar: 'العربية', zh: '中文' } as const;
export type Language = keyof typeof LANGUAGES;

const FILES = import.meta.glob<Record<string, string>>('../texts/console/*.json', { import: 'default' });
const KEPT = 'sallyport.language';

let texts = $state.raw<Texts>(ENGLISH);
let spoken = $state<Language>('en');
const formats = new Map<string, IntlMessageFormat>();

const isSpoken = (wanted: string | null): wanted is Language => wanted !== null && Object.hasOwn(LANGUAGES, wanted);

async function catalogue(language: Language): Promise<Texts> {
  if (language === 'en') return ENGLISH;
  const sections = Object.keys(ENGLISH) as Section[];
  const read = sections.map(async (name) => [name, await FILES[`../texts/console/${name}.${language}.json`]!()] as const);
  return Object.fromEntries(await Promise.all(read)) as Texts;
}

/** The language in use. */
export const language = (): Language => spoken;

/** Speak a language from now on, and at this station's next start; an unknown one changes nothing. */
export async function speak(wanted: string | null): Promise<void> {
  if (!isSpoken(wanted)) return;
  texts = await catalogue(wanted);
  spoken = wanted;
  formats.clear();
  localStorage.setItem(KEPT, wanted);
  document.documentElement.lang = wanted;
  document.documentElement.dir = wanted === 'ar' ? 'rtl' : 'ltr';
}

/** Speak what this station spoke last, else the browser's language if it is one of ours. */
export const speakAsBefore = (): Promise<void> => speak(localStorage.getItem(KEPT) ?? navigator.language.slice(0, 2));

function format(message: string, values: Values): string {
  let compiled = formats.get(message);
  if (!compiled) formats.set(message, (compiled = new IntlMessageFormat(message, spoken, undefined, { ignoreTag: true })));
  return String(compiled.format(values));
}

/** A text of the catalogue; ICU MessageFormat where it takes values: `t('guard.held', { count: 2 })`. */
export function t(key: Key, values?: Values): string {
  const dot = key.indexOf('.');
  const message = texts[key.slice(0, dot) as Section][key.slice(dot + 1)] ?? key;
  return values ? format(message, values) : message;
}

/** A sentence as a lane or the server sent it, translated where the catalogue has it; else as it stands, in English. */
export const said = (sentence: string): string => texts.lane[sentence] ?? sentence;
