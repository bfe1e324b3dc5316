// Flame graph as SVG: where a delivery thread spends its time, as sampled by perf(1). Width is time, and
// callers are below what they call.   usage: flame.ts [SIZE [plain|tls]]

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as echarts from 'echarts';
import { Context } from './context.ts';
import { cpuTimes } from './cpu.ts';
import { LoadClient } from './load.ts';
import { svgOf } from './plots.ts';
import type { Protocol } from './servers/server.ts';

const [size = '1k', protocol = 'tls'] = process.argv.slice(2);
const seconds = 4;
/** A prime number, so that sampling does not coincide with periodic work. */
const samplesPerSecond = 997;
const folder = 'build/bench/flame';
/** Narrower boxes are left out, because they cannot be read. */
const leastShare = 0.004;
const [width, rowHeight, letterWidth] = [1200, 18, 6.2];

interface Frame {
  name: string;
  samples: number;
  callees: Map<string, Frame>;
}

function busiest(pid: number): string {
  const threads = [...cpuTimes(pid)].sort(([, a], [, b]) => b.ran - a.ran);
  return threads[0]?.[0] ?? `${pid}`;
}

/** The input has a paragraph for each sample, with the innermost function first. */
function treeOf(script: string): Frame {
  const all: Frame = { name: 'all', samples: 0, callees: new Map() };
  for (const paragraph of script.split('\n\n')) {
    const names = [...paragraph.matchAll(/^\s+[0-9a-f]+ (.+)$/gm)].map(([, name = '']) => shortName(name));
    // Frames outside of the event loop's thread function are the same in all samples.
    const from = names.findIndex((name) => name.endsWith('Reactor::run'));
    const stack = (from < 0 ? names : names.slice(0, from)).reverse();
    if (stack.length === 0) continue;
    all.samples += 1;
    let frame = all;
    for (const name of stack) {
      const callee = frame.callees.get(name) ?? { name, samples: 0, callees: new Map() };
      frame.callees.set(name, callee);
      callee.samples += 1;
      frame = callee;
    }
  }
  return all;
}

/** The name without arguments, this project's namespaces and compiler suffixes. */
function shortName(name: string): string {
  return name
    .replace(/\(.*$/, '')
    .replace('sealgate::', '')
    .replace(/\.(isra|constprop|part|cold)[.\d]*$/, '');
}

/** [depth, begin, end, name]; begin and end are shares of the whole. */
type Box = [number, number, number, string];

function boxesOf(frame: Frame, all: number, depth = 0, begin = 0): Box[] {
  const share = frame.samples / all;
  if (share < leastShare) return [];
  const boxes: Box[] = [[depth, begin, begin + share, frame.name]];
  let at = begin;
  const widestFirst = [...frame.callees.values()].sort((a, b) => b.samples - a.samples);
  for (const callee of widestFirst) {
    boxes.push(...boxesOf(callee, all, depth + 1, at));
    at += callee.samples / all;
  }
  return boxes;
}

function draw(tree: Frame): string {
  const boxes = boxesOf(tree, tree.samples);
  const rows = 1 + Math.max(...boxes.map(([depth]) => depth));
  const height = 50 + rows * rowHeight;
  return svgOf(width, height, {
    title: {
      text: `GET of ${size}, ${protocol}: ${tree.samples} samples of a delivery thread`,
      textStyle: { fontSize: 14 },
    },
    grid: { left: 4, right: 4, top: 40, bottom: 6 },
    xAxis: { show: false, min: 0, max: 1 },
    yAxis: { show: false, min: 0, max: rows },
    series: [{ type: 'custom', data: boxes, encode: { x: [1, 2], y: 0 }, renderItem: renderBox }],
  });
}

const renderBox: echarts.CustomSeriesRenderItem = (_, api) => {
  const [left = 0, top = 0] = api.coord([api.value(1), Number(api.value(0)) + 1]);
  const [right = 0] = api.coord([api.value(2), 0]);
  const name = String(api.value(3));
  const percent = (100 * (Number(api.value(2)) - Number(api.value(1)))).toFixed(1);
  const room = Math.floor((right - left - 4) / letterWidth);
  const label = `${name} ${percent} %`;
  const text = label.length <= room ? label : name.slice(0, Math.max(0, room));
  return {
    type: 'rect',
    shape: { x: left, y: top, width: Math.max(0.5, right - left - 0.5), height: rowHeight - 1 },
    style: { fill: colorOf(name) },
    textContent: { type: 'text', style: { text: room < 3 ? '' : text, fontSize: 10.5, fill: '#222' } },
    textConfig: { position: 'insideLeft' },
  };
};

/** Kernel functions in blue, ciphers in red, this project's in green, others in grey. */
function colorOf(name: string): string {
  if (/^(aes|gcm|EVP_|ossl_|CRYPTO_|sha256|generic_aes|rijndael|chacha|poly)/i.test(name)) return '#e59a8f';
  if (/^[A-Z]\w*::|^Reactor|^Channel|^Connection/.test(name)) return '#a8cf9a';
  return /^(_|[a-z0-9_]+$)/.test(name) ? '#a9c6e3' : '#d5d5d5';
}

const work = mkdtempSync(join(tmpdir(), 'flame-'));
const context = new Context(work, { rounds: 1, seconds, all: false }, [size], false);
try {
  const server = await context.server('sealgate');
  const address = server.address(`${size}.bin`, protocol as Protocol);
  const load = await LoadClient.start(address, protocol as Protocol, { connections: 64 });
  await load.run({ seconds: 1 });
  const thread = busiest(server.pid());
  const ended = load.run({ seconds: seconds + 1 });
  const record = ['record', '-e', 'cpu-clock', '-F', `${samplesPerSecond}`, '--call-graph', 'dwarf,16384'];
  const output = ['-o', `${work}/perf.data`, '--', 'sleep', `${seconds}`];
  execFileSync('perf', [...record, '-t', thread, ...output], { stdio: 'ignore' });
  await ended;
  await load.close();
  const script = ['script', '-i', `${work}/perf.data`, '-F', 'comm,ip,sym'];
  const samples = execFileSync('perf', script, {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  mkdirSync(folder, { recursive: true });
  const file = `${folder}/${size}-${protocol}.svg`;
  writeFileSync(file, draw(treeOf(samples)));
  console.log(file);
} finally {
  await context.end();
  rmSync(work, { recursive: true, force: true });
}
