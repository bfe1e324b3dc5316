// Seal levels under a server: the level is in the access log and in the metrics, a blob below the level that
// its bucket requires is copied or refused, and a host that cannot give a level says so.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Finding } from '../../../src/doctor/finding.ts';
import { cliCommand, outcome, root, spawnCli } from '../../support/runtime.ts';
import { reachedLevel, removeSealed } from '../../support/sealed.ts';
import { createSite, TestServer } from '../../support/server.ts';
import { until } from '../../support/wait.ts';

// No machine gives a blob L3 when L2 is asked for.
const site = await createSite({
  buckets: { files: 'write-once', copied: 'versioned', refused: 'versioned', plain: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  seal: {
    level: 'L2',
    buckets: {
      copied: { require: 'L3' },
      refused: { require: 'L3', below: 'refuse' },
      plain: { level: 'L1' },
    },
  },
});
const reached = reachedLevel(site.dir);
const logFile = join(site.dir, 'access.log');
const content = join(site.dir, 'content');
const listeners = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, ...listeners, '--workers', '1', '--access-log', logFile);
after(async () => {
  await server.stop();
  await removeSealed(site.dir);
});

/** Stores bytes of its own in a bucket, and asks for them without TLS. */
async function stored(bucket: string, size = 100_000): Promise<{ path: string; bytes: string }> {
  const bytes = `${bucket} `.repeat(size).slice(0, size);
  await writeFile(content, bytes);
  const path = `/o/${bucket}/name-${size}`;
  assert.equal((await server.put(path, content)).status, 201);
  return { path, bytes };
}

const get = (path: string) => fetch(`${server.urls[1]}${path}`);

function logged(target: string): Promise<Record<string, unknown>> {
  const lines = async () =>
    (await readFile(logFile, 'utf8').catch(() => ''))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  const found = async () => (await lines()).find((line) => line.target === target && line.method === 'GET');
  return until(found, (line) => line !== undefined, `a line about ${target}`);
}

for (const [bucket, level] of [
  ['files', reached],
  ['plain', 'L1'],
] as const) {
  test(`bucket ${bucket}: its blobs leave by sendfile, with their level in log and metrics`, async () => {
    const opened = `sealgate_blobs_opened_total{level="${level}"}`;
    const sent = `sealgate_sent_bytes_total{delivery="plain-sendfile",seal="${level}"}`;
    const [openedBefore, sentBefore] = [await server.metric(opened), await server.metric(sent)];
    const { path, bytes } = await stored(bucket);
    assert.equal(await (await get(path)).text(), bytes);
    const { seal, delivery } = await logged(path);
    assert.deepEqual([seal, delivery], [level, 'plain-sendfile']);
    assert.equal(await server.metric(opened), openedBefore + 1);
    assert.ok((await server.metric(sent)) >= sentBefore + bytes.length);
  });
}

test('a blob below the level that its bucket requires: its bytes are copied', async () => {
  const { path, bytes } = await stored('copied');
  assert.equal(await (await get(path)).text(), bytes);
  assert.equal((await logged(path)).delivery, 'plain-send');
});

for (const size of [1000, 100_000]) {
  test(`a blob of ${size} bytes below the level required, where such blobs are refused: 503`, async () => {
    const { path } = await stored('refused', size);
    for (let times = 0; times < 2; times++) {
      const answer = await get(path);
      assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '5']);
      const { title, detail } = (await answer.json()) as { title: string; detail: string };
      assert.equal(title, 'seal-too-low');
      assert.match(detail, /not kept from changing as well as is required/);
    }
    assert.equal((await fetch(`${server.urls[1]}${path}`, { method: 'HEAD' })).status, 503);
  });
}

test('by its digest a blob may be of any bucket: the strictest setting refuses it', async () => {
  const { path } = await stored('files', 5000);
  const etag = (await get(path)).headers.get('etag') ?? '';
  assert.equal((await get(`/sha256/${etag.slice(1, -1)}`)).status, 503);
});

/** `sealgate ARGS` without the capability that immutable files take. */
function withoutCapability(args: string[]) {
  const drop = ['--bounding-set=-linux_immutable', '--inh-caps=-linux_immutable'];
  const command = cliCommand(args);
  if (reached === 'L1') return outcome(spawnCli(args));
  return outcome(spawn('setpriv', [...drop, ...command.flat()], { cwd: root }));
}

test('without CAP_LINUX_IMMUTABLE: L1, one sentence that says so, and the doctor says why', async () => {
  const other = await createSite({ seal: { level: 'L2' } });
  try {
    const places = ['--config', other.config];
    await writeFile(content, 'stored without the capability');
    const put = await withoutCapability(['put', content, 'files/name', ...places]);
    assert.equal(put.status, 0, put.stderr);
    assert.match(put.stderr, /at level L1, and L2 was asked for \(FS_IOC_SETFLAGS: .*\).*sealgate doctor/);
    const { stdout } = await outcome(spawnCli(['stat', '--json', 'files/name', ...places]));
    assert.equal(JSON.parse(stdout).sealLevel, 'L1');
    const told = await withoutCapability(['doctor', '--json', ...places]);
    const { findings } = JSON.parse(told.stdout) as { findings: Finding[] };
    const finding = findings.find(({ found }) => found.startsWith('seal level L2 is asked for'));
    assert.equal(finding?.severity, 'warn');
    assert.match(finding?.remedy ?? '', /CAP_LINUX_IMMUTABLE/);
  } finally {
    await removeSealed(other.dir);
  }
});

test('an immutable blob: stat shows L2, and the doctor is content', async (t) => {
  if (reached === 'L1') return t.skip('this process may make no file immutable');
  const { path } = await stored('files', 3000);
  const places = ['--config', site.config];
  const { stdout } = await outcome(spawnCli(['stat', '--json', path.replace('/o/', ''), ...places]));
  assert.equal(JSON.parse(stdout).sealLevel, 'L2');
  const told = await outcome(spawnCli(['doctor', '--json', ...places]));
  const { findings } = JSON.parse(told.stdout) as { findings: Finding[] };
  assert.ok(!findings.some(({ found }) => found.startsWith('seal level L2 is asked for')));
});
