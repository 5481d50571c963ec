/** The liveness map's fixed colour scale: grey value 0 (like skin) to 255 (unlike skin). Never scaled to the image. */

const STOPS: readonly (readonly [number, number, number])[] = [
  [24, 44, 74],
  [52, 104, 140],
  [190, 196, 180],
  [240, 160, 64],
  [226, 58, 40],
];

/** Colour of a grey value 0..255, linear between the stops. */
export function colour(value: number): [number, number, number] {
  const place = (Math.min(255, Math.max(0, value)) / 255) * (STOPS.length - 1);
  const index = Math.min(STOPS.length - 2, Math.floor(place));
  const part = place - index;
  const low = STOPS[index]!;
  const high = STOPS[index + 1]!;
  return [0, 1, 2].map((c) => Math.round(low[c]! + (high[c]! - low[c]!) * part)) as [number, number, number];
}

const TABLE = Array.from({ length: 256 }, (_, value) => colour(value));

/** Colours RGBA pixels in place. False, and nothing touched, when the picture is not grey. */
export function colourMap(pixels: Uint8ClampedArray): boolean {
  for (let i = 0; i < pixels.length; i += 4) {
    if (pixels[i + 3] && (Math.abs(pixels[i]! - pixels[i + 1]!) > 6 || Math.abs(pixels[i]! - pixels[i + 2]!) > 6))
      return false;
  }
  for (let i = 0; i < pixels.length; i += 4) {
    const [r, g, b] = TABLE[pixels[i]!]!;
    pixels[i] = r;
    pixels[i + 1] = g;
    pixels[i + 2] = b;
  }
  return true;
}
