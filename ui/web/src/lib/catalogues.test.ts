/** The console's catalogues: complete, alike in their places, each in its own script, none left in English. */
import { IntlMessageFormat } from 'intl-messageformat';
import { describe, expect, it } from 'vitest';
import { ACTIONS, MAIN } from './actions';
import { CHECKS, OUTCOMES, RESULTS, STEPS, actionWord, checkWord, doneWord, outcomeWord, reasonsFor, resultWord, stepWord } from './words';
import { LANGUAGES, locale, t } from './say.svelte';
import { Sentences, type Values } from './sentences';

const FILES = import.meta.glob<Record<string, string>>('../texts/console/*.json', { import: 'default', eager: true });
const SOURCES = import.meta.glob<string>(['../**/*.svelte', '../**/*.ts', '!../**/*.test.ts'], { query: '?raw', import: 'default', eager: true });
const SECTIONS = [...new Set(Object.keys(FILES).map((path) => path.split('/').at(-1)!.split('.')[0]!))];
const OTHERS = Object.keys(LANGUAGES).filter((each) => each !== 'en');
const of = (section: string, language: string): Record<string, string> => FILES[`../texts/console/${section}.${language}.json`] ?? {};

/** Names a message takes, those within plurals and choices too. */
function places(message: string, language: string): string[] {
  const names = new Set<string>();
  const walk = (parts: readonly object[]): void => {
    for (const part of parts as { value?: unknown; type: number; options?: Record<string, { value: object[] }> }[]) {
      if (part.type > 0 && part.type < 7) names.add(String(part.value));
      for (const option of Object.values(part.options ?? {})) walk(option.value);
    }
  };
  walk(new IntlMessageFormat(message, language, undefined, { ignoreTag: true }).getAst());
  return [...names].sort();
}

/** What may read as in English: words that are the same there, and texts that are nothing but places, marks and names. */
const ALIKE = new Set([
  ...['Auditor', 'Document', 'Error {status}', 'Firmware', 'Hash', 'Journal', 'Live', 'Name', 'no', 'Pages', 'Passage', 'Passages'],
  ...['Passkeys', 'phases', 'relief', 'software', 'Supervisor', 'texture', '{time} min', '{value} s'],
  ...['Mode', '– no', 'Version', 'visible', 'Zoom', '{band} nm'],
  '{count, plural, one {# passage} other {# passages}}',
]);
const words = (message: string): string => message.replace(/\{(\w+, (plural|select),|\w+\})/g, ' ').replace(/[^\p{L}]+/gu, ' ').trim();

describe.each(SECTIONS)('%s', (section) => {
  const english = of(section, 'en');
  it.each(OTHERS)('has every text in %s and no other', (language) => {
    expect(Object.keys(of(section, language))).toEqual(Object.keys(english));
  });
  it.each(OTHERS)('takes the same values in %s', (language) => {
    for (const [key, message] of Object.entries(of(section, language))) {
      expect([key, places(message, language)]).toEqual([key, places(english[key]!, 'en')]);
    }
  });
  it.each(OTHERS)('is not left in English in %s', (language) => {
    const left = Object.entries(of(section, language)).filter(([key, message]) => words(message) !== '' && message === english[key]);
    expect(left.map(([, message]) => message).filter((message) => !ALIKE.has(message))).toEqual([]);
  });
  it.each([
    ['ar', /\p{Script=Arabic}/u],
    ['zh', /\p{Script=Han}/u],
  ])('is written in the script of %s', (language, script) => {
    const strange = Object.values(of(section, language)).filter((message) => words(message) !== '' && !script.test(message));
    expect(strange).toEqual([]);
  });
  it('keeps no text that no page says', () => {
    if (section === 'lane') return;
    const code = Object.values(SOURCES).join('\n');
    const said = (key: string): boolean =>
      code.includes(`'${section}.${key}'`) ||
      code.includes(`\`${section}.${key.replace(/_.*/, '_')}\${`) ||
      code.includes(`named('${section}', '${key.replace(/_.*/, '')}',`);
    expect(Object.keys(english).filter((key) => !said(key))).toEqual([]);
  });
});

it('has a word for everything the API can say', () => {
  const all = [
    ...RESULTS.map((one) => resultWord(one) || one),
    ...CHECKS.map(checkWord),
    ...STEPS.map(stepWord),
    ...ACTIONS.flatMap((one) => [actionWord(one), doneWord(one)]),
    ...MAIN.flatMap(reasonsFor),
    ...OUTCOMES.map(outcomeWord),
  ];
  expect(all.filter((word) => /_/.test(word))).toEqual([]);
  expect(new Set(Object.keys(of('guard', 'en')).filter((key) => key.startsWith('result_'))).size).toBe(RESULTS.length);
  expect([resultWord('of another release'), doneWord(null)]).toEqual(['of another release', '']);
});

it('speaks English until told otherwise', () => {
  expect([locale(), t('guard.openAlerts', { count: 1 }), t('guard.openAlerts', { count: 2 })]).toEqual([
    'en-GB',
    '1 alert not acknowledged',
    '2 alerts not acknowledged',
  ]);
});

const sentencesIn = (language: string): Sentences =>
  new Sentences(of('lane', language), language, (message: string, values: Values) =>
    String(new IntlMessageFormat(message, language, undefined, { ignoreTag: true }).format(values)),
  );

describe('sentences of a lane', () => {
  const german = sentencesIn('de');
  it.each([
    ['The chip was not read.', 'Der Chip wurde nicht gelesen.'],
    ['3 faces are in view.', '3 Gesichter sind im Bild.'],
    ['The document expired on 2026-03-01.', 'Das Dokument ist am 01.03.2026 abgelaufen.'],
    ['The document expired on 2026-99-99.', 'Das Dokument ist am 2026-99-99 abgelaufen.'],
    ['Not good enough: Come closer. Stand still.', 'Nicht gut genug: Näher kommen. Stillstehen.'],
    ['Most like: Ink-jet print (dye). And 2 more.', 'Am ähnlichsten: Tintenstrahldruck (Farbstoff). Und 2 weitere.'],
    ['Unlike skin in water (970 / 850 nm), +4.1 sd.', 'Anders als Haut: Wasser (970 / 850 nm), +4,1 σ.'],
    ["Check the gate's cable and power. (no answer within 2 s)", 'Kabel und Strom der Türsteuerung prüfen. (no answer within 2 s)'],
    ['Lane unreachable: the lane did not answer within 2 s', 'Spur nicht erreichbar: die Spur antwortete nicht innerhalb von 2 s'],
    ['Simulated: of 16 species the worst is screen, lcd, 12.0 % may pass; 3 are untested.', 'Simuliert: von 16 Arten ist die schlechteste Bildschirm, LCD, 12,0 % können durchkommen; 3 sind ungeprüft.'],
    ['A. Weber ended it.', 'A. Weber hat es beendet.'],
    ['Dr. A. B. Weber ended it.', 'Dr. A. B. Weber hat es beendet.'],
    ['Ready ended it.', 'Ready hat es beendet.'],
    ['The chip was not read. A. Weber ended it.', 'Der Chip wurde nicht gelesen. A. Weber hat es beendet.'],
    ['A. Weber is looking at the bands: one at a time.', 'A. Weber betrachtet gerade die Bänder: nur eines auf einmal.'],
    ['camera.ir: Camera lost. No frame came.', 'camera.ir: Kamera verloren. No frame came.'],
    ['camera.ir: Camera lost. No reading came. Two minutes are over.', 'camera.ir: Kamera verloren. Es kam kein Messwert. Zwei Minuten sind um.'],
    ['camera.ir: Camera lost.', 'camera.ir: Kamera verloren.'],
    ['camera.ir: No fault of this release. The chip was not read.', 'camera.ir: No fault of this release. Der Chip wurde nicht gelesen.'],
    ['Two minutes are over. Part of the pack p, production. The chip was not read.', 'Zwei Minuten sind um. Teil des Pakets p, Produktivstufe. Der Chip wurde nicht gelesen.'],
    ['Take the hat off. Come closer.', 'Den Hut abnehmen. Näher kommen.'],
    ['A. The chip was not read.', 'A. Der Chip wurde nicht gelesen.'],
    ['1 pictures', '1 Bild'],
    ['2 records since 2026-11-28 05:00 UTC, 0.1 MB', '2 Einträge seit 2026-11-28 05:00 UTC, 0,1 MB'],
    ['5 frames, 0 lost between, mean level 100 DN; it repeats its pictures', '5 Bilder, 0 dazwischen verloren, mittlerer Pegel 100 DN; sie wiederholt ihre Bilder'],
  ])('%s', (english, expected) => expect(german.said(english)).toBe(expected));

  it('leaves alone what the catalogue does not know, whatever it is', () => {
    for (const strange of ['', 'constructor', 'A sentence of a later release.', '(', '{what}', 'The {what} $& expired.', 'The document expired on 2026-99-99', `Unlike skin in ${'a, '.repeat(1_000_000)}`]) {
      expect(german.said(strange)).toBe(strange);
    }
  });

  it('does not take what stands in a place for a message', () => {
    expect(german.said('The face does not match {reference}, plural, <b>.')).toBe('Das Gesicht stimmt nicht überein mit: {reference}, plural, <b>.');
  });

  it('counts in Arabic as Arabic does', () => {
    const arabic = sentencesIn('ar');
    const counted = [2, 3, 11, 100].map((count) => arabic.said(`${count} faces are in view.`));
    expect(new Set(counted.map((one) => one.replace(/[\d٠-٩]+/g, '#'))).size).toBe(4);
  });
});

/** A list of sentences that a test in Python collects where they are made. */
const collected = import.meta.env['VITE_LANE_SENTENCES'] as string | undefined;
it.skipIf(!collected)('says in every language what lanes and server say', () => {
  const sentences = JSON.parse(collected!) as string[];
  expect(sentences.length).toBeGreaterThan(300);
  const unsaid = OTHERS.flatMap((language) => {
    const known = sentencesIn(language);
    return sentences.filter((sentence) => known.said(sentence) === sentence).map((sentence) => `${language}: ${sentence}`);
  });
  expect(unsaid).toEqual([]);
});
