/** Rules of the set-up's pages; nothing is drawn here. */
import type { BandFigures } from './api';

/** A share as a percentage of one place; what is there never reads as 0.0. */
export function percent(share: number): string {
  const value = share * 100;
  return value > 0 && value < 0.1 ? '<0.1' : value.toFixed(1);
}

/** Sharpness has no unit: what is shown is a thousand times it. */
export const sharp = (value: number): string => (value * 1000).toFixed(1);

/** Heights of the histogram's bars, 0 to 1: by the square root, so that a few clipped pixels show beside many. */
export function heights(levels: readonly number[]): number[] {
  const most = Math.max(...levels, 1e-9);
  return levels.map((level) => Math.sqrt(level / most));
}

/** A name for a look that no other page has. `crypto.randomUUID` would need TLS. */
export function newLookId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What fills in the words of an advice. */
export const adviceValues = (figures: BandFigures): Record<string, string> => ({
  clipped: percent(figures.clipped),
  brightest: figures.brightest.toFixed(0),
  mean: figures.mean.toFixed(0),
});

/** Where a click lies in a picture, as shares, of the box it is drawn in. */
export function shareAt(box: { left: number; top: number; width: number; height: number }, x: number, y: number): [number, number] {
  const share = (value: number): number => Math.round(Math.min(1, Math.max(0, value)) * 100) / 100;
  return [share((x - box.left) / box.width), share((y - box.top) / box.height)];
}
