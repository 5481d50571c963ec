/** Sentences as lanes and the server send them, said in another language. The catalogue goes from English, with {places}. */
export type Values = Record<string, string | number>;

/** Keeps its own order of signs amid text of the other direction (Unicode isolates). */
export const isolated = (text: string): string => `\u2068${text}\u2069`;

interface Pattern {
  find: RegExp;
  names: string[];
  message: string;
}

const PLACE = /\{(\w+)\}/;
/** Places that only a number fits. */
const NUMBERS = new Set(['count', 'n', 'share']);
/** Places that only one word fits, such as "camera.nir", and places that only what the catalogue has whole fits. */
const SINGLE = new Set(['device']);
const KNOWN = new Set(['fault']);
/** Places that stay as they are: a name is no message, whatever it is. */
const NAMES = new Set(['device', 'officer']);
/** Longer than anything a lane has to say; matching takes its time with the length. */
const MOST = 2000;
/** Between two sentences of one text; and where that may also be amid one, after an initial or a title: "Dr. A. Weber". */
const BETWEEN = /(?<=[.?!])(?<!(?:^|[\s(])\p{Lu}\p{L}{0,2}\.) (?=[A-Z(])/u;
const MAYBE_BETWEEN = /(?<=[.?!]) (?=[A-Z(])/;
/** A catalogue's sentence that holds several. */
const SEVERAL = /[.?!] [A-Z({]/;

/** What matches a piece of a sentence: every other piece is a place's name. A space may be one that does not break. */
function matching(piece: string, isPlace: boolean): string {
  if (isPlace) return NUMBERS.has(piece) ? '([+-]?[\\d.]+)' : SINGLE.has(piece) ? '([\\w.-]+)' : '(.+?)';
  return piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(' ', '\\s');
}

function compiled([sentence, message]: [string, string]): Pattern {
  const pieces = sentence.split(PLACE);
  const find = pieces.map((piece, n) => matching(piece, n % 2 === 1)).join('');
  return { find: new RegExp(`^${find}$`, 's'), names: pieces.filter((_, n) => n % 2), message };
}

export class Sentences {
  readonly #whole: Map<string, string>;
  readonly #patterns: Pattern[];
  readonly #several: Pattern[];

  constructor(
    catalogue: Readonly<Record<string, string>>,
    private readonly locale: string,
    private readonly format: (message: string, values: Values) => string,
  ) {
    const entries = Object.entries(catalogue);
    this.#whole = new Map(entries.map(([sentence, message]) => [sentence.toLowerCase(), message]));
    // The one that leaves least to its places goes first.
    const given = ([sentence]: [string, string]): number => sentence.replace(/\{\w+\}/g, '').length;
    const filled = entries.filter(([sentence]) => PLACE.test(sentence)).sort((a, b) => given(b) - given(a));
    this.#patterns = filled.map(compiled);
    this.#several = filled.filter(([sentence]) => SEVERAL.test(sentence)).map(compiled);
  }

  /** The text in this language; what the catalogue does not know stays in English. */
  said(text: string): string {
    if (text.length > MOST) return text;
    const whole = this.#whole.get(text.toLowerCase());
    if (whole !== undefined) return whole;
    const [, advice = '', detail = ''] = /^(.+?) \((.+)\)$/s.exec(text) ?? [];
    const known = this.#whole.get(advice.toLowerCase());
    if (known !== undefined) return `${known} (${this.said(detail)})`;
    const parts = text.split(BETWEEN);
    if (parts.length > 1) return this.#filled(text, this.#several, true) ?? this.#each(parts);
    const filled = this.#filled(text, this.#patterns);
    if (filled !== undefined) return filled;
    const pieces = text.split(MAYBE_BETWEEN);
    return pieces.length > 1 ? this.#each(pieces) : text;
  }

  #each(parts: readonly string[]): string {
    return parts.map((part) => this.said(part)).join(this.locale.startsWith('zh') ? '' : ' ');
  }

  /** By the first pattern that fits. Of a text of `several` sentences only what is left for the last place may be several. */
  #filled(text: string, patterns: readonly Pattern[], several = false): string | undefined {
    for (const { find, names, message } of patterns) {
      const found = find.exec(text)?.slice(1);
      if (!found || !found.every((value, n) => !KNOWN.has(names[n]!) || this.#whole.has(value.toLowerCase()))) continue;
      if (several && found.slice(0, -1).some((value) => BETWEEN.test(value))) continue;
      const value = (n: number): string | number => (NAMES.has(names[n]!) ? found[n]! : this.#value(found[n]!));
      return this.format(message, Object.fromEntries(names.map((name, n) => [name, value(n)])));
    }
    return undefined;
  }

  #value(text: string): string | number {
    if (/^(0|[1-9]\d{0,5})$/.test(text)) return Number(text);
    if (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))) {
      return new Date(text).toLocaleDateString(this.locale, { dateStyle: 'medium', timeZone: 'UTC' });
    }
    const [, sign, digits] = /^([+-]?)\d+\.(\d+)$/.exec(text) ?? [];
    if (digits === undefined) return this.said(text);
    const as = { minimumFractionDigits: digits.length, maximumFractionDigits: digits.length };
    return Number(text).toLocaleString(this.locale, { ...as, signDisplay: sign === '+' ? 'always' : 'auto' });
  }
}
