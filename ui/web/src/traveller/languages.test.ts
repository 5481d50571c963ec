import { describe, expect, it } from 'vitest';
import { CATALOGUES, LANGUAGES, direction } from '../lib/texts';
import { WORKING, asked, inTurn } from './languages';

const at = (query: string) => asked(new URLSearchParams(query));

describe('the languages of a display', () => {
  it('are those of the document before those of the lane', () => {
    expect(inTurn(null, at('languages=de,en'), ['nl', 'fr'])).toEqual(['nl', 'fr']);
    expect(inTurn(null, at('languages=de,en'), [])).toEqual(['de', 'en']);
  });

  it('give way to a fixed one, and that to a hand on the display', () => {
    expect(inTurn(null, at('lang=pl'), ['nl'])).toEqual(['pl']);
    expect(inTurn('ja', at('lang=pl'), ['nl'])).toEqual(['ja']);
  });

  it('are never none, whatever the address or the console say', () => {
    expect(inTurn(null, at(''), [])).toEqual(WORKING);
    expect(inTurn(null, at('lang=xx&languages=,toString,__proto__,,'), ['tlh', 'constructor'])).toEqual(WORKING);
    expect(at('languages=de,de,xx,en').site).toEqual(['de', 'en']);
  });

  it('have three that are read from right to left', () => {
    expect(LANGUAGES.filter((each) => direction(each) === 'rtl')).toEqual(['ar', 'he', 'fa']);
    expect(LANGUAGES.length).toBeGreaterThanOrEqual(12);
    expect(new Set(LANGUAGES.map((each) => CATALOGUES[each].language)).size).toBe(LANGUAGES.length);
  });
});
