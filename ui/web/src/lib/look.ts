/** One look for all pictures of a case: they are aligned by the eyes, so they zoom and move together. Pure. */
import type { Transform } from './align';

/** A picture's point p stands at `scale * p + (x, y)`, in pixels of a canvas. */
export interface Look {
  scale: number;
  x: number;
  y: number;
}

/** Size of every picture's canvas, in pixels. */
export const WIDTH = 320;
export const HEIGHT = 400;
export const WHOLE: Look = { scale: 1, x: 0, y: 0 };
export const STEP = 1.25;
const CLOSEST = 8;

const between = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** Nothing is zoomed out beyond the whole picture or moved beyond its edge. */
function within({ scale, x, y }: Look): Look {
  return { scale, x: between(x, WIDTH * (1 - scale), 0), y: between(y, HEIGHT * (1 - scale), 0) };
}

/** Closer by `factor`, with the point (x, y) of the canvas staying where it is. */
export function zoomed(look: Look, factor: number, x = WIDTH / 2, y = HEIGHT / 2): Look {
  const scale = between(look.scale * factor, 1, CLOSEST);
  const by = scale / look.scale;
  return within({ scale, x: x - (x - look.x) * by, y: y - (y - look.y) * by });
}

export const moved = (look: Look, dx: number, dy: number): Look => within({ ...look, x: look.x + dx, y: look.y + dy });

/** What a key does to the look; null for a key that does nothing to it. */
export function keyed(look: Look, key: string): Look | null {
  const [across, down] = [WIDTH / 10, HEIGHT / 10];
  switch (key) {
    case '+':
    case '=':
      return zoomed(look, STEP);
    case '-':
      return zoomed(look, 1 / STEP);
    case '0':
      return WHOLE;
    case 'ArrowLeft':
      return moved(look, across, 0);
    case 'ArrowRight':
      return moved(look, -across, 0);
    case 'ArrowUp':
      return moved(look, 0, down);
    case 'ArrowDown':
      return moved(look, 0, -down);
    default:
      return null;
  }
}

/** The transform of a picture's own place, seen through the look. */
export function through({ scale, x, y }: Look, [a, b, c, d, e, f]: Transform): Transform {
  return [a * scale, b * scale, c * scale, d * scale, e * scale + x, f * scale + y];
}
