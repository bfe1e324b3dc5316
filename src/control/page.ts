// The dashboard's files: the page at /, its scripts, styles and the chart library under /assets/.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Hono } from 'hono';
import type { ControlEnv } from './who.ts';

const require = createRequire(import.meta.url);
const own = (name: string) => join(dirname(require.resolve('#package')), 'src/control/page', name);

const html = 'text/html; charset=utf-8';
const script = 'text/javascript; charset=utf-8';
const style = 'text/css; charset=utf-8';

/** The files of the page by URL path. */
const files: Record<string, { path: string; type: string }> = {
  '/': { path: own('index.html'), type: html },
  '/assets/page.css': { path: own('page.css'), type: style },
  '/assets/page.js': { path: own('page.js'), type: script },
  '/assets/api.js': { path: own('api.js'), type: script },
  '/assets/answer.js': { path: own('answer.js'), type: script },
  '/assets/dom.js': { path: own('dom.js'), type: script },
  '/assets/charts.js': { path: own('charts.js'), type: script },
  '/assets/sections.js': { path: own('sections.js'), type: script },
  '/assets/uplot.js': { path: require.resolve('uplot/dist/uPlot.esm.js'), type: script },
  '/assets/uplot.css': { path: require.resolve('uplot/dist/uPlot.min.css'), type: style },
};

export function pageRoutes(): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();
  for (const [asked, { path, type }] of Object.entries(files)) {
    app.get(asked, async (c) =>
      c.body(await readFile(path, 'utf8'), 200, { 'Content-Type': type, 'Cache-Control': 'no-cache' }),
    );
  }
  return app;
}
