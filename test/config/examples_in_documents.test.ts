// Every JSON that a document shows is a configuration, or a part of one that is accepted in its place. What
// is none says so behind its fence, as "json answer".

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configSchema } from '../../src/config/schema.ts';
import { blocksOf, type Code, codeInSentences, documents } from '../support/documents.ts';

type Settings = Record<string, unknown>;

/** In a sentence: a field of the access log, what a hook sends. */
const noSettings = /^"cmcd_malformed"|^\{ "tags": "\{tags\}" \}$/;
/** It stands for something: `…`, `[...]`, or a number N. */
const leavesOut = /…|\.\.\.|: N\b/;

const upstream = { url: 'https://upstream.example.org/' };
const url = 'https://127.0.0.1:8443';
const site = (more: Settings) => (part: Settings) => ({
  sites: [{ host: 'files.example.com', bucket: 'files', ...more, ...part }],
});
const mirror = { protocol: 'mirror', upstreams: ['upstream'] };

/** Where a part may have its place. */
const places: Record<string, (part: Settings) => Settings> = {
  configuration: (part) => part,
  'web site': site({}),
  'objects site': site({ protocol: 'objects', bucket: undefined }),
  'live site': site({ protocol: 'live' }),
  mirror: site(mirror),
  'registry of images': site({ protocol: 'oci', path: '/v2/' }),
  'build cache': site({ protocol: 'bazel' }),
  'mirror of a site': (part) => site(mirror)({ mirror: part }),
  'rule of a mirror': (part) => site(mirror)({ mirror: { rules: [{ match: '/*', ...part }] } }),
  'immutable rule of a mirror': (part) =>
    site(mirror)({ mirror: { rules: [{ match: '/*', immutable: true, ...part }] } }),
  upstream: (part) => ({ upstreams: { upstream: { ...upstream, ...part } } }),
  listener: (part) => ({ listeners: [{ url, ...part }] }),
  'tls.clients': (part) => ({ tls: { clients: { ca: './ca.pem', ...part } } }),
  control: (part) => ({ control: part }),
  hook: (part) => ({ purge: { hooks: [part] } }),
};

/** With the upstreams that its sites name and that the example leaves to its reader. */
function withUpstreams(config: Settings): Settings {
  const named = [...JSON.stringify(config).matchAll(/"upstreams":\[([^\]]*)\]/g)];
  const names = named.flatMap(([, list = '']) => list.split(',').map((name) => name.replaceAll('"', '')));
  const given = config.upstreams as Settings | undefined;
  const added = Object.fromEntries(names.map((name) => [name, upstream]));
  return names.length === 0 ? config : { ...config, upstreams: { ...added, ...given } };
}

/** What is wrong with the text in the place where least is; none: it is accepted somewhere. */
function faultsOf({ at, text }: Code): string[] {
  let part: Settings;
  try {
    part = JSON.parse(text.trim().startsWith('{') ? text : `{${text}}`);
  } catch (error) {
    return [`${at}: is not JSON: ${(error as Error).message}`];
  }
  const found = Object.entries(places).map(([place, inPlace]) => {
    const { error } = configSchema.safeParse(withUpstreams(inPlace(part)));
    return (error?.issues ?? []).map(
      ({ path, message }) => `${at}: as ${place}: ${path.join('.')}: ${message}`,
    );
  });
  return found.reduce((least, each) => (each.length < least.length ? each : least));
}

test('every configuration shown in a block is accepted', () => {
  const blocks = documents().flatMap(blocksOf);
  const shown = blocks.filter(({ info, text }) => info === 'json' && !leavesOut.test(text));
  assert.ok(shown.length > 30, `${shown.length} blocks were found`);
  assert.deepEqual(shown.flatMap(faultsOf), []);
});

test('every setting shown in a sentence is accepted', () => {
  const code = documents().flatMap(codeInSentences);
  const shown = code.filter(
    ({ text }) => /^(\{ *)?"[\w$]+" *:/.test(text) && !leavesOut.test(text) && !noSettings.test(text),
  );
  assert.ok(shown.length > 30, `${shown.length} settings were found`);
  assert.deepEqual(shown.flatMap(faultsOf), []);
});

test('a setting that does not exist, a wrong value and broken JSON are found', () => {
  const block = (text: string): string[] => faultsOf({ at: 'a.md:1', info: 'json', text });
  assert.match(block('"workres": 2').join(), /^a\.md:1: as \w+.*: Unrecognized key: "workres"/);
  assert.match(block('"workers": "many"').join(), /^a\.md:1: as configuration: workers: /);
  assert.match(block('"workers": 2,').join(), /^a\.md:1: is not JSON: /);
  assert.deepEqual(block('"workers": 2'), []);
});
