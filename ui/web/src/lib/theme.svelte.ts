/** Dark or light, as this station last chose; dark where it never did, as control rooms are. */
export const THEMES = ['dark', 'light', 'system'] as const;
export type Theme = (typeof THEMES)[number];

const KEPT = 'sallyport.theme';
let worn = $state<Theme>('dark');

/** The theme in use. */
export const theme = (): Theme => worn;

/** Wear a theme from now on, and at this station's next start; an unknown one changes nothing. */
export function wear(wanted: string | null): void {
  const known = THEMES.find((each) => each === wanted);
  if (!known) return;
  worn = known;
  document.documentElement.dataset['theme'] = known;
  localStorage.setItem(KEPT, known);
}

/** Wear what this station wore last. */
export function wearAsBefore(): void {
  try {
    wear(localStorage.getItem(KEPT));
  } catch {
    // A browser that keeps nothing shows the lanes all the same.
  }
}
