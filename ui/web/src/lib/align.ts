/** Puts faces at one scale: equal eye distance, level eyes, same crop. */

export type Eyes = readonly [number, number, number, number];
/** Canvas transform (a, b, c, d, e, f) as `CanvasRenderingContext2D.setTransform` takes it. */
export type Transform = readonly [number, number, number, number, number, number];

/** Where the eyes go, as parts of the canvas: 36 % of its width apart, at 40 % of its height. */
const EYE_SPAN = 0.36;
const EYE_LINE = 0.4;

/** Transform that brings `eyes` (left x, y, right x, y in image pixels) to their place in a canvas; null if unusable. */
export function alignEyes(eyes: Eyes, width: number, height: number): Transform | null {
  const [lx, ly, rx, ry] = eyes;
  const dx = rx - lx;
  const dy = ry - ly;
  const distance = Math.hypot(dx, dy);
  if (!Number.isFinite(distance) || distance < 4) return null;
  const scale = (EYE_SPAN * width) / distance;
  // Rotation by minus the eye line's angle, times scale.
  const a = (dx / distance) * scale;
  const b = (-dy / distance) * scale;
  const mx = (lx + rx) / 2;
  const my = (ly + ry) / 2;
  return [a, b, -b, a, width / 2 - (a * mx - b * my), EYE_LINE * height - (b * mx + a * my)];
}

/** Transform that shows the whole image, centred, for images without known eyes. */
export function fit(imageWidth: number, imageHeight: number, width: number, height: number): Transform {
  const scale = Math.min(width / imageWidth, height / imageHeight);
  return [scale, 0, 0, scale, (width - imageWidth * scale) / 2, (height - imageHeight * scale) / 2];
}
