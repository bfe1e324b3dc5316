// Style that a machine can hold: each test lists what breaks one rule, with file, line and what to do.

import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { engineErrors } from '../src/errors.ts';
import { documents } from './support/documents.ts';
import {
  exportsOf,
  functionsOf,
  functionsOfCxx,
  importsOf,
  namesImportedBy,
  read,
  type Source,
  sourcesUnder,
} from './support/sources.ts';

const maxColumns = 110;
const maxFunctionLines = 70;
const maxFileLines = 350;

const product = ['src', 'workers', 'examples'].flatMap((folder) => sourcesUnder(folder, /\.ts$/));
const tests = sourcesUnder('test', /\.ts$/);
const cxx = sourcesUnder('native', /\.(cc|h)$/);
const core = cxx.filter(({ path }) => /^native\/(base|tls|http|store|server)\//.test(path));
const nodeApi = cxx.filter(({ path }) => path.startsWith('native/node/'));
const scripts = [...sourcesUnder('test', /\.(sh|cc|h)$/), read('.ci/run')];

/** Top layer first in ARCHITECTURE.md; a file may import its own layer and those with smaller numbers. */
const layers: [RegExp, number][] = [
  [/^test\//, 6],
  [/^src\/(cli|server)\b/, 5],
  [/^(src\/(protocols|control)|examples)\//, 4],
  [/^(src\/(sites|objects|upstream|purge|engine|rollout|doctor)|workers)\//, 3],
  [/^src\/(store|auth)\//, 2],
  [/^src\/native\//, 1],
  [/^src\/(config\/)?\w+\.ts$/, 0],
];

/** Folders of native/; a file may include its own folder and those with smaller numbers. */
const nativeLayers: Record<string, number> = {
  base: 0,
  http: 1,
  tls: 1,
  store: 1,
  server: 2,
  node: 3,
  test: 4,
  fuzz: 5,
};

interface Ban {
  pattern: RegExp;
  instead: string;
  where: Source[];
  except?: RegExp;
}

const bans: Ban[] = [
  { pattern: /\bconsole\./, instead: 'write to the log it is given', where: product, except: /^src\/cli/ },
  {
    pattern: /\bprocess\.exit\(/,
    instead: 'set process.exitCode, or throw',
    where: product,
    except: /^src\/cli/,
  },
  { pattern: /\bMath\.random\(/, instead: 'use randomBytes of node:crypto', where: product },
  { pattern: /\.terminate\(/, instead: 'stop the reactor; its worker then ends by itself', where: product },
  {
    pattern: /@ts-(ignore|nocheck)/,
    instead: 'use @ts-expect-error with a reason',
    where: [...product, ...tests],
  },
  {
    pattern: /from 'lmdb'/,
    instead: 'go through metadata.ts',
    where: product,
    except: /store\/(metadata|environment|tables|state|transaction)\.ts$/,
  },
  { pattern: /\b(throw|try|catch)\b\s*[{(;\w]/, instead: 'return a Status', where: core },
  {
    pattern: /\bstd::(regex|endl|sto[iul]\w*)\b/,
    instead: 'use from_chars or a hand-made scan',
    where: core,
  },
  { pattern: /\b(strcpy|strcat|sprintf|atoi|rand|gets)\(/, instead: 'use the bounded form', where: cxx },
  { pattern: /\b(sleep|usleep|nanosleep)\(/, instead: 'wait for an event', where: [...core, ...nodeApi] },
  {
    pattern: /\w = std::string\(\);/,
    instead: 'call free_memory() of base/text.h: the memory stays otherwise',
    where: cxx,
  },
  { pattern: /\busing namespace std\b/, instead: 'write std::', where: cxx },
  { pattern: /\bSSL_OP_ENABLE_KTLS\b/, instead: 'install the keys with install_keys of ktls.h', where: core },
  {
    pattern: /\bSSL_MODE_ACCEPT_MOVING_WRITE_BUFFER\b/,
    instead: 'keep the write buffer where it is',
    where: core,
  },
  { pattern: /"node\/|<napi\.h>|<node_api\.h>/, instead: 'move it to native/node/', where: core },
  {
    pattern: /#include <(sys\/\w+|unistd|fcntl|netinet\/\w+|poll)\.h>/,
    instead: 'make the system call in another folder of native/',
    where: nodeApi,
  },
];

function holds(violations: string[]): void {
  assert.equal(violations.length, 0, `\n${violations.join('\n')}\n`);
}

/** Code without its comments; lines keep their numbers. */
function withoutComments({ lines }: Source): string[] {
  return lines.map((line) => line.replace(/(^|\s)(\/\/|\/?\*).*$/, ''));
}

function layerOf(path: string): number | undefined {
  return layers.find(([pattern]) => pattern.test(path))?.[1];
}

test('imports point down', () => {
  const violations = [...product, ...tests].flatMap((source) => {
    const own = layerOf(source.path);
    if (own === undefined) return [`${source.path}:1: belongs to no layer; name it in test/tidy.test.ts`];
    return importsOf(source)
      .filter(({ target }) => (layerOf(target) ?? 0) > own)
      .map(
        ({ line, target }) =>
          `${source.path}:${line}: imports ${target} from above; move what both need down`,
      );
  });
  holds(violations);
});

test('includes of native/ point down, and each names its folder', () => {
  const violations = cxx.flatMap(({ path, lines }) => {
    const own = path.split('/')[1] ?? '';
    const misplaced = nativeLayers[own] === undefined || /^native\/test\/\w+_test\.cc$/.test(path);
    if (misplaced) return [`${path}:1: move it to the folder of what it is about`];
    return lines.flatMap((line, index) => {
      const target = /^#include "([^"]+)"/.exec(line)?.[1];
      if (target === undefined) return [];
      const folder = target.split('/')[0] ?? '';
      const layer = target.includes('/') ? nativeLayers[folder] : undefined;
      const allowed = folder === own || (layer !== undefined && layer < (nativeLayers[own] ?? 0));
      return allowed ? [] : [`${path}:${index + 1}: includes ${target}; move what both need down`];
    });
  });
  holds(violations);
});

test(`lines are at most ${maxColumns} columns`, () => {
  const all = [...product, ...tests, ...cxx, ...scripts, read('Makefile')];
  const violations = all.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => {
      const columns = [...line].length;
      return columns > maxColumns ? [`${path}:${index + 1}: ${columns} columns; break the line`] : [];
    }),
  );
  holds(violations);
});

test(`functions are at most ${maxFunctionLines} lines`, () => {
  const measured = [
    ...product.map((source) => ({ source, spans: functionsOf(source) })),
    ...tests.map((source) => ({ source, spans: functionsOf(source) })),
    ...cxx.map((source) => ({ source, spans: functionsOfCxx(source) })),
  ];
  const violations = measured.flatMap(({ source, spans }) =>
    spans
      .map((span) => ({ ...span, length: span.last - span.first + 1 }))
      .filter(({ length }) => length > maxFunctionLines)
      .map(({ name, first, length }) => `${source.path}:${first}: ${name}: ${length} lines; split it`),
  );
  holds(violations);
});

test(`files are at most ${maxFileLines} lines and start with their contract`, () => {
  const violations = [...product, ...tests, ...cxx].flatMap(({ path, lines }) => {
    const long =
      lines.length > maxFileLines ? [`${path}:${maxFileLines}: ${lines.length} lines; split it by noun`] : [];
    const contractInHeader = cxx.some((header) => header.path === path.replace(/\.cc$/, '.h'));
    const explained = contractInHeader || /^(#!|\/\/ |\/\*\*)/.test(lines[0] ?? '');
    const bare = explained ? [] : [`${path}:1: begin with a comment that says what it is`];
    return [...long, ...bare];
  });
  holds(violations);
});

test('no banned call', () => {
  const violations = bans.flatMap(({ pattern, instead, where, except }) =>
    where
      .filter(({ path }) => !except?.test(path) && path !== 'test/tidy.test.ts')
      .flatMap((source) =>
        withoutComments(source).flatMap((line, index) =>
          pattern.test(line) ? [`${source.path}:${index + 1}: ${line.trim()}: ${instead}`] : [],
        ),
      ),
  );
  holds(violations);
});

test('sendfile is called in one file, and that file takes sealed files', () => {
  const callers = core.filter((source) => withoutComments(source).some((line) => /::sendfile\(/.test(line)));
  assert.equal(callers.length, 1, `callers: ${callers.map(({ path }) => path).join(' ')}`);
  assert.match(callers[0]?.text ?? '', /SendableFile/);
  const makers = core.filter((source) =>
    withoutComments(source).some((line) => /\bSendableFile\(\w/.test(line)),
  );
  assert.deepEqual(
    makers.map(({ path }) => path),
    ['native/base/sendable_file.h', 'native/store/sealed_file.cc'],
    'a descriptor becomes sendable in one place, which has the proof',
  );
});

test('no file is dead', () => {
  const imported = new Set(
    [...product, ...tests].flatMap((source) => importsOf(source).map(({ target }) => target)),
  );
  const roots = [
    /^src\/cli\.ts$|\.test\.ts$|^test\/(run|(crash|faults)\/victim)\.ts$/,
    /^test\/bench\/(bench|build_cache|flame|sharing_costs|runtimes\/\w+)\.ts$/,
  ];
  const isRoot = (path: string) => roots.some((pattern) => pattern.test(path));
  const mentioned = (path: string) => product.some(({ text }) => text.includes(`${basename(path, '.ts')}')`));
  const dead = [...product, ...tests].filter(
    ({ path }) => !imported.has(path) && !isRoot(path) && !(path.startsWith('workers/') && mentioned(path)),
  );
  const included = new Set(
    cxx.flatMap(({ text }) => [...text.matchAll(/#include "([^"]+)"/g)].map((match) => match[1])),
  );
  const deadHeaders = cxx.filter(
    ({ path }) => path.endsWith('.h') && !included.has(path.replace('native/', '')),
  );
  holds([...dead, ...deadHeaders].map(({ path }) => `${path}:1: nothing imports it; use it or remove it`));
});

test('what a file exports is imported by another', () => {
  const imported = new Set([...product, ...tests].flatMap(namesImportedBy));
  // Piscina calls the exports of workers by their names.
  const files = product.filter(({ path }) => !path.startsWith('workers/'));
  const violations = files.flatMap((source) =>
    exportsOf(source)
      .filter(({ name }) => !imported.has(name))
      .map(({ name, line }) => `${source.path}:${line}: nothing imports ${name}; do not export it`),
  );
  holds(violations);
});

test('every problem of the engine has its answer in src/errors.ts, and the other way round', () => {
  const declared = read('native/http/problem.h').text;
  const list = /enum class Problem[^{]*\{(.*?)\}/s.exec(declared)?.[1] ?? '';
  const names = [...list.matchAll(/^\s*(\w+),/gm)].map((match) => match[1] ?? '');
  const problems = names
    .filter((name) => name !== 'none' && name !== 'count_')
    .map((name) => name.replaceAll('_', '-'));
  assert.deepEqual(problems.sort(), Object.keys(engineErrors).sort());
});

test('deno.json agrees with package.json', () => {
  const deno = JSON.parse(read('deno.json').text);
  assert.equal(deno.nodeModulesDir, 'manual', 'deno.json: Deno uses the node_modules that npm made');
  assert.equal(deno.imports, undefined, 'deno.json: name packages in package.json only; Deno reads it too');
  const ignored = read('.gitignore').lines.filter((line) => line !== '' && line !== '/node_modules/');
  const missing = ignored
    .map((line) => line.replaceAll('/', ''))
    .filter((name) => !deno.exclude.includes(name));
  holds(missing.map((name) => `deno.json:1: add ${name} to "exclude"; git ignores it`));
});

test('lock files name no registry', () => {
  const locks = [read('package-lock.json'), read('test/runtimes/package-lock.json')];
  const violations = locks.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => (line.includes('"resolved": "http') ? [`${path}:${index + 1}`] : [])),
  );
  holds(violations.map((place) => `${place}: install with omit-lockfile-registry-resolved (.npmrc)`));
});

test('every dependency has its line in ARCHITECTURE.md', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json').text);
  const { dependencies: runtimes } = JSON.parse(read('test/runtimes/package.json').text);
  const rows = read('ARCHITECTURE.md').lines.filter((line) => line.startsWith('|'));
  const missing = Object.keys({ ...dependencies, ...devDependencies, ...runtimes }).filter(
    (name) => !rows.some((row) => row.includes(`\`${name}\``)),
  );
  holds(
    missing.map((name) => `ARCHITECTURE.md:1: say why \`${name}\` is there, in the table of dependencies`),
  );
});

test('every make target that the documents name exists', () => {
  const makefile = read('Makefile').text;
  const violations = documents().flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => {
      const targets = [...line.matchAll(/(?:^|`)make ([a-z-]+)/g)].map((match) => match[1] ?? '');
      const missing = targets.filter(
        (target) => !new RegExp(`^${target}:|^[a-z -]*\\b${target}\\b[a-z -]*:`, 'm').test(makefile),
      );
      return missing.map((target) => `${path}:${index + 1}: the Makefile has no target ${target}`);
    }),
  );
  holds(violations);
});
