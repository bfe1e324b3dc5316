// Every setting of the configuration is named in a document, as code, and so can be found by searching docs/.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonSchema } from '../../src/config/schema.ts';
import { limitsSchema } from '../../src/limits.ts';
import { blocksOf, codeInSentences, documents } from '../support/documents.ts';
import { read } from '../support/sources.ts';

interface Node {
  $ref?: string;
  properties?: Record<string, Node>;
  items?: Node;
  additionalProperties?: Node | boolean;
  anyOf?: Node[];
  oneOf?: Node[];
  allOf?: Node[];
}

/** The paths of all settings below a node, as `sites[].cors.origins`. */
function pathsOf(node: Node, path = ''): string[] {
  // What a hook sends: JSON of any shape.
  if (node.$ref !== undefined) return [];
  const { properties = {}, items, additionalProperties, anyOf = [], oneOf = [], allOf = [] } = node;
  const own = Object.entries(properties).flatMap(([name, each]) => {
    const inner = path === '' ? name : `${path}.${name}`;
    return [inner, ...pathsOf(each, inner)];
  });
  const ofMaps = typeof additionalProperties === 'object' ? pathsOf(additionalProperties, `${path}.*`) : [];
  const ofLists = items ? pathsOf(items, `${path}[]`) : [];
  return [
    ...own,
    ...ofMaps,
    ...ofLists,
    ...[...anyOf, ...oneOf, ...allOf].flatMap((each) => pathsOf(each, path)),
  ];
}

const code = documents()
  .filter(({ path }) => path !== 'ARCHITECTURE.md')
  .flatMap((source) => [...blocksOf(source), ...codeInSentences(source)])
  .map(({ text }) => text)
  .join('\n');

/** Whether a document has the name as a word: `maxAge` is not in `s-maxAge`. */
function isNamed(path: string): boolean {
  const [name = ''] = path.replaceAll('[]', '').split('.').slice(-1);
  const escaped = name.replace('$', '\\$');
  return new RegExp(`(?<![\\w/$-])${escaped}(?![\\w-])`).test(code);
}

test('every setting is named in README.md or docs/', () => {
  const paths = pathsOf(jsonSchema() as Node);
  assert.ok(paths.length > 300, `${paths.length} settings were found`);
  assert.deepEqual(
    paths.filter((path) => !isNamed(path)),
    [],
  );
});

test('a setting that no document names is found', () => {
  const node: Node = { properties: { workers: { properties: { nowhereNamed: {} } } } };
  assert.deepEqual(
    pathsOf(node).filter((path) => !isNamed(path)),
    ['workers.nowhereNamed'],
  );
});

test('the table of docs/rate-limits.md has every limit of the server with its default', () => {
  const rows = read('docs/rate-limits.md').text.matchAll(/^\| `(\w+)` \| (\d+) \|/gm);
  const written = Object.fromEntries([...rows].map(([, name = '', value]) => [name, Number(value)]));
  assert.deepEqual(written, limitsSchema.parse({}));
});
