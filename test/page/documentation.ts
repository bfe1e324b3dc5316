// A web site to serve: the documentation of pino as its npm package has it, with a page that shows it, a
// script with its source map, a style sheet, a font, WebAssembly and a video.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from '../support/runtime.ts';

const packages = join(root, 'node_modules');
const links = (chapters: string[]) => chapters.map((name) => `<a href="/docs/${name}">${name}</a>`).join(' ');
const page = (chapters: string[]) => `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>pino</title>
<link rel="icon" href="/favicon.ico"><link rel="stylesheet" href="/assets/style.css"></head>
<body><h1><i>&#xea61;</i> pino</h1><nav>${links(chapters)}</nav>
<video src="/assets/tour.mp4" preload="metadata" muted controls></video>
<main></main><div id="chart"></div><script type="module" src="/assets/main.js"></script></body></html>
`;
const style = `
@font-face { font-family: codicon; src: url(/assets/codicon.ttf) format("truetype"); }
i { font-family: codicon; font-style: normal; } pre { white-space: pre-wrap; }
`;
const main = `
import uPlot from 'uplot';
async function chapter(link) {
  const text = await (await fetch(link.href)).text();
  const shown = document.createElement('pre');
  shown.textContent = text;
  document.querySelector('main').append(shown);
  return text.length;
}
const links = [...document.querySelectorAll('nav a')];
const lengths = await Promise.all(links.map(chapter));
const values = [lengths.map((_, i) => i), lengths];
new uPlot({ width: 400, height: 200, series: [{}, {}] }, values, document.querySelector('#chart'));
const compiled = await WebAssembly.compileStreaming(fetch('/assets/codec.wasm'));
const map = await (await fetch('/assets/main.js.map')).json();
await document.fonts.load('16px codicon', '\\uea61');
const functions = WebAssembly.Module.exports(compiled).length;
window.shown = { chapters: lengths.length, functions, sources: map.sources.length };
`;

/** Writes it into `dir`, which must not be there. */
export async function writeDocumentation(dir: string): Promise<void> {
  const assets = join(dir, 'assets');
  mkdirSync(assets, { recursive: true });
  mkdirSync(join(dir, 'docs'));
  const chapters = readdirSync(join(packages, 'pino/docs')).filter((name) => name.endsWith('.md'));
  for (const name of chapters) copyFileSync(join(packages, 'pino/docs', name), join(dir, 'docs', name));
  copyFileSync(join(packages, 'pino/favicon.ico'), join(dir, 'favicon.ico'));
  const tools = join(packages, 'playwright-core/lib');
  copyFileSync(join(tools, 'webp_codec.wasm'), join(assets, 'codec.wasm'));
  const recorder = join(tools, 'vite/recorder/assets');
  const font = readdirSync(recorder).find((name) => name.endsWith('.ttf')) ?? '';
  copyFileSync(join(recorder, font), join(assets, 'codicon.ttf'));
  writeFileSync(join(dir, 'index.html'), page(chapters));
  writeFileSync(join(assets, 'style.css'), readFileSync(join(packages, 'uplot/dist/uPlot.min.css')) + style);
  await build({
    stdin: { contents: main, resolveDir: root },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    sourcemap: true,
    outfile: join(assets, 'main.js'),
    logLevel: 'silent',
  });
  makeVideo(join(assets, 'tour.mp4'));
}

/** Half a minute that is too much for a player to fetch all of before it is asked to. */
function makeVideo(file: string): void {
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25:duration=30'];
  const coded = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p'];
  const rate = ['-b:v', '2M', '-maxrate', '2M', '-bufsize', '2M'];
  const noise = ['-vf', 'noise=alls=30:allf=t'];
  execFileSync('ffmpeg', [
    '-v',
    'error',
    ...source,
    ...noise,
    ...coded,
    ...rate,
    '-movflags',
    '+faststart',
    file,
  ]);
}
