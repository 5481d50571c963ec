/** What the console's pages say, in the language its officer chose. English comes with the page, the others on demand. */
import { IntlMessageFormat } from 'intl-messageformat';
import after from '../texts/console/after.en.json';
import decide from '../texts/console/decide.en.json';
import guard from '../texts/console/guard.en.json';
import lane from '../texts/console/lane.en.json';
import line from '../texts/console/line.en.json';
import people from '../texts/console/people.en.json';
import setup from '../texts/console/setup.en.json';
import { advice } from '../texts/en.json';
import type { Advice } from './api';
import { Sentences, isolated, type Values } from './sentences';

/** A section a page or a group of pages; `lane` holds the sentences that lanes and the console's server send. */
const ENGLISH = { guard, decide, line, people, after, setup, lane };
type Section = keyof typeof ENGLISH;
type Texts = Record<Section, Readonly<Record<string, string>>>;
export type Key = { [S in Exclude<Section, 'lane'>]: `${S}.${keyof (typeof ENGLISH)[S] & string}` }[Exclude<Section, 'lane'>];

/** Numbers are written in Latin digits everywhere: they stand beside document numbers, hashes and devices' names. */
const LOCALES = { en: 'en-GB', de: 'de', fr: 'fr', es: 'es', ar: 'ar-u-nu-latn', zh: 'zh-CN' } as const;
export const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français', es: 'Español', ar: 'العربية', zh: '中文' } as const;
export type Language = keyof typeof LANGUAGES;

const FILES = import.meta.glob<Record<string, string>>(['../texts/console/*.json', '!**/*.en.json'], { import: 'default' });
/** What the traveller is told, from the catalogues of the traveller display. */
const ADVICE = import.meta.glob<typeof advice>('../texts/{de,fr,es,ar,zh}.json', { import: 'advice' });
const KEPT = 'sallyport.language';

interface Spoken {
  language: Language;
  texts: Texts;
  advice: Record<Advice, string>;
  sentences: Sentences | null;
}
let spoken = $state.raw<Spoken>({ language: 'en', texts: ENGLISH, advice, sentences: null });
/** Of two languages chosen in haste the later one counts, whichever comes first. */
let asked = 0;
const formats = new Map<string, IntlMessageFormat>();

const isSpoken = (wanted: string | null): wanted is Language => wanted !== null && Object.hasOwn(LANGUAGES, wanted);

async function catalogue(language: Language): Promise<Spoken> {
  if (language === 'en') return { language, texts: ENGLISH, advice, sentences: null };
  const sections = Object.keys(ENGLISH) as Section[];
  // What nobody has translated yet is said in English; a test counts it as missing.
  const texts: Texts = { ...ENGLISH };
  await Promise.all(
    sections.map(async (name) => {
      texts[name] = { ...ENGLISH[name], ...(await FILES[`../texts/console/${name}.${language}.json`]?.()) };
    }),
  );
  // Its characters are in files of their own, fetched as they are needed.
  if (language === 'zh') await import('@fontsource-variable/noto-sans-sc/wght.css');
  const sentences = new Sentences(texts.lane, LOCALES[language], format);
  return { language, texts, advice: await ADVICE[`../texts/${language}.json`]!(), sentences };
}

/** The language in use. */
export const language = (): Language => spoken.language;

/** The same as `Intl` takes it. */
export const locale = (): string => LOCALES[spoken.language];

/** Speak a language from now on, and at this station's next start; an unknown one changes nothing. Throws when it cannot be
 * fetched, and the language stays what it was. */
export async function speak(wanted: string | null): Promise<void> {
  if (!isSpoken(wanted)) return;
  const turn = ++asked;
  const read = await catalogue(wanted);
  if (turn !== asked) return;
  spoken = read;
  formats.clear();
  document.documentElement.lang = wanted;
  document.documentElement.dir = wanted === 'ar' ? 'rtl' : 'ltr';
  localStorage.setItem(KEPT, wanted);
}

/** Speak what this station spoke last, else the browser's language if it is one of ours; English when neither can be had. */
export async function speakAsBefore(): Promise<void> {
  try {
    await speak(localStorage.getItem(KEPT) ?? navigator.language.slice(0, 2));
  } catch {
    // A guard must see the lanes, in whatever language.
  }
}

/** Amid Arabic, what is not a mere word keeps its own order of signs: names, times, addresses. */
const apart = (value: string | number): string | number =>
  spoken.language === 'ar' && typeof value === 'string' && /\W/.test(value) ? isolated(value) : value;

function format(message: string, values: Values): string {
  let compiled = formats.get(message);
  if (!compiled) formats.set(message, (compiled = new IntlMessageFormat(message, locale(), undefined, { ignoreTag: true })));
  return String(compiled.format(Object.fromEntries(Object.entries(values).map(([name, value]) => [name, apart(value)]))));
}

function found(section: Section, name: string): string | undefined {
  const texts = spoken.texts[section];
  return Object.hasOwn(texts, name) ? texts[name] : undefined;
}

/** A text of the catalogue; ICU MessageFormat where it takes values: `t('guard.held', { count: 2 })`. */
export function t(key: Key, values?: Values): string {
  const dot = key.indexOf('.');
  const message = found(key.slice(0, dot) as Section, key.slice(dot + 1)) ?? key;
  return values ? format(message, values) : message;
}

/** What a word of the API is called: `named('guard', 'result', 'failed')`. One of another release is shown as it stands. */
export const named = (section: Exclude<Section, 'lane'>, group: string, word: string): string =>
  found(section, `${group}_${word}`) ?? word;

/** A sentence as a lane or the server sent it, translated where the catalogue has it; else as it stands, in English. */
export const said = (sentence: string): string => spoken.sentences?.said(sentence) ?? sentence;

/** Whether it has words, and `said` could do nothing for them. */
export const isForeign = (sentence: string): boolean => /\p{L}/u.test(sentence) && spoken.sentences?.said(sentence) === sentence;

/** What the traveller display tells the traveller. */
export const told = (what: Advice): string => spoken.advice[what];
