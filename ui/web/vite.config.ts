import { readFileSync, readdirSync } from 'node:fs';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

/** Of the Chinese and Japanese fonts (a hundred files each) only those whose characters our texts use. */
const usedFonts = {
  name: 'used-fonts',
  enforce: 'pre' as const,
  transform(code: string, id: string) {
    const font = /noto-sans-(sc|jp)\/wght\.css/.exec(id)?.[1];
    if (font === undefined) return undefined;
    const catalogue = font === 'sc' ? /\bzh\.json$/ : /\bja\.json$/;
    const paths = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) => catalogue.test(path));
    const text = paths.map((path) => readFileSync(`src/${path}`, 'utf8')).join('');
    const used = [...new Set(text)].map((each) => each.codePointAt(0) ?? 0).filter((each) => each >= 0x2e80);
    const faces = code.match(/@font-face \{[^}]*\}/g) ?? [];
    return faces.filter((face) => {
      const ranges = [...face.matchAll(/U\+([0-9a-f]+)(?:-([0-9a-f]+))?/gi)];
      return ranges.some(([, from = '', to = from]) =>
        used.some((each) => each >= parseInt(from, 16) && each <= parseInt(to, 16)),
      );
    }).join('\n');
  },
};

/** The scripts run before the first paint, so that no page flashes in a theme or a direction that was not chosen. */
const beforeFirstPaint = {
  name: 'before-first-paint',
  transformIndexHtml: {
    order: 'post' as const,
    handler: (html: string) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
  },
};

export default defineConfig({
  plugins: [svelte(), usedFonts, beforeFirstPaint],
  base: '/',
  build: {
    outDir: '../static',
    emptyOutDir: true,
    target: 'es2022',
    // light-dark() as it stands.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // Both would put inline code or data into the pages, which the content security policy refuses.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: { input: ['guard.html', 'traveller.html'] },
  },
  test: { include: ['src/**/*.test.ts'] },
});
