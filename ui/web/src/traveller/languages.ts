/** Whom a display speaks to: the hand on it first, then the kiosk's own address, the document, the lane's list. */
import { isSpoken, type Language } from '../lib/texts';

/** ICAO's working languages: what is shown where a lane has no list of its own. */
export const WORKING: readonly Language[] = ['en', 'fr', 'ar', 'zh', 'es', 'ru'];

/** How long one language of several stays. */
export const TURN_MS = 6000;

export interface Asked {
  /** `?lang=de`: this display speaks one language, whatever the document. */
  fixed: Language | null;
  /** `?languages=de,en,tr`: in turn while nothing is known of the traveller. */
  site: readonly Language[];
}

const spokenOf = (wanted: readonly string[]): Language[] => [...new Set(wanted)].filter(isSpoken);

export function asked(query: URLSearchParams): Asked {
  const fixed = query.get('lang');
  const site = spokenOf((query.get('languages') ?? '').split(','));
  return { fixed: fixed !== null && isSpoken(fixed) ? fixed : null, site: site.length > 0 ? site : WORKING };
}

/** The languages to show in turn, never none. `document` are those of the issuing state, as the console says them. */
export function inTurn(chosen: Language | null, { fixed, site }: Asked, document: readonly string[]): readonly Language[] {
  const one = chosen ?? fixed;
  if (one !== null) return [one];
  const known = spokenOf(document);
  return known.length > 0 ? known : site;
}
