/** When an officer is to be relieved. */

/**
 * Minutes watched when it is time to say so, else null. All in seconds: `limit` 0 means never, `quiet` is how long a
 * watch may go on before it is said again.
 */
export function reminder(watched: number, limit: number, quiet: number): number | null {
  return limit > 0 && watched >= limit && watched >= quiet ? Math.floor(watched / 60) : null;
}
