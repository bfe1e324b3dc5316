// Every link of the documents that leads into the repository finds its file, and its heading.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { anchorsOf, documents, lineAt, withoutBlocks } from '../support/documents.ts';
import type { Source } from '../support/sources.ts';

const root = join(import.meta.dirname, '../..');
const known = new Map(documents().map((source) => [source.path, source]));

/** What is wrong with a link; undefined: nothing. */
function faultOf(from: Source, link: string): string | undefined {
  if (/^(https?|mailto):/.test(link)) return undefined;
  const [file = '', anchor] = link.split('#');
  const path = file === '' ? from.path : join(from.path, '..', file);
  if (path !== from.path && !existsSync(join(root, path))) return `there is no ${path}`;
  if (anchor === undefined) return undefined;
  const target = path === from.path ? from : known.get(path);
  if (!target) return `${path} is no document, so it has no headings`;
  return anchorsOf(target).has(anchor) ? undefined : `${path} has no heading #${anchor}`;
}

function faultsOf(source: Source): string[] {
  const text = withoutBlocks(source);
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(({ index, 1: link = '' }) => {
    const fault = faultOf(source, link);
    return fault === undefined ? [] : [`${source.path}:${lineAt(text, index)}: ${link}: ${fault}`];
  });
}

test('every link of a document leads to a file and a heading that exist', () => {
  const faults = [...known.values()].flatMap(faultsOf);
  assert.deepEqual(faults, []);
});

test('a link to what is not there is found', () => {
  const text =
    '# A page\n\n[a](gone.md) [b](#gone) [c](#a-page) [d](../README.md#gone)\n[e](../LICENSE#gone)\n';
  const found = faultsOf({ path: 'docs/page.md', text, lines: text.split('\n') });
  assert.deepEqual(found, [
    'docs/page.md:3: gone.md: there is no docs/gone.md',
    'docs/page.md:3: #gone: docs/page.md has no heading #gone',
    'docs/page.md:3: ../README.md#gone: README.md has no heading #gone',
    'docs/page.md:4: ../LICENSE#gone: LICENSE is no document, so it has no headings',
  ]);
});

test('every page of docs/ is reached from README.md', () => {
  const reached = new Set(['README.md']);
  // A page that is added here is visited, too.
  for (const path of reached) {
    const source = known.get(path);
    if (!source) continue;
    for (const [, link = ''] of withoutBlocks(source).matchAll(/\]\(([^)#\s]+\.md)(?:#[^)]*)?\)/g))
      if (!link.includes(':')) reached.add(join(path, '..', link));
  }
  assert.deepEqual(
    [...known.keys()].filter((path) => !reached.has(path)),
    [],
  );
});
