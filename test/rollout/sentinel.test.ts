// The sentinel notices wrong bytes. A path that changes bytes is switched off; a blob that changed on disk is
// moved to quarantine. A real TLS server sends the wrong bytes here.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import pino from 'pino';
import { rolloutSchema } from '../../src/config/rollout.ts';
import type { EngineRollout } from '../../src/native/addon.ts';
import { AuditLog } from '../../src/rollout/audit_log.ts';
import { Rollout } from '../../src/rollout/rollout.ts';
import { Sentinel } from '../../src/rollout/sentinel.ts';
import { openStore } from '../../src/store/content_store.ts';
import type { Store } from '../../src/store/store.ts';
import { makeAuthority } from '../support/certificates.ts';
import { blobPath } from '../support/store.ts';

const log = pino({ level: 'silent' });
const dir = await mkdtemp(join(process.env.SEALGATE_TEST_DIR ?? tmpdir(), 'sealgate-sentinel-'));
const pair = await makeAuthority(dir, 'localhost');
const bytes = Buffer.from('sealed bytes');

/** Whether to send wrong bytes to a client that asks for this server name. */
let wrongFor: (serverName: string) => boolean = () => false;
const server = createServer(
  { cert: await readFile(pair.certificate), key: await readFile(pair.key) },
  (request, response) => {
    const { servername } = request.socket as unknown as { servername: string };
    response.end(wrongFor(servername) ? 'other bytes!' : bytes);
  },
).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;

const store = await openStore({ root: join(dir, 'store') });
await store.createBucket('files', 'write-once');
const digest = await put(store);
after(async () => {
  server.close();
  server.closeAllConnections();
  await store.close();
  for (const audit of audits) await audit.close();
  await rm(dir, { recursive: true });
});

async function put(into: Store): Promise<string> {
  const staging = into.stagingPath();
  await writeFile(staging, bytes);
  const received = { digest: createHash('sha256').update(bytes).digest('hex'), size: bytes.length };
  await into.commitBlob(staging, received);
  await into.putRef('files', 'object', { digest: received.digest, mediaType: 'text/plain' });
  return received.digest;
}

let runs = 0;
const audits: AuditLog[] = [];
async function sentinel(): Promise<{
  sentinel: Sentinel;
  rollout: Rollout;
  set: EngineRollout[];
  withdrawn: string[];
}> {
  runs += 1;
  const home = join(dir, `run${runs}`);
  await mkdir(home);
  const set: EngineRollout[] = [];
  const withdrawn: string[] = [];
  const audit = await AuditLog.open(join(home, 'audit.jsonl'));
  audits.push(audit);
  const rollout = await Rollout.start({
    audit,
    initial: rolloutSchema.parse({ phase: 'tx-canary', percent: 50 }),
    listeners: [],
    ktls: { works: true, reason: '' },
    engine: { setRollout: (given) => set.push(given), lastMove: () => 0 },
    log,
  });
  const listeners = () => [{ host: '127.0.0.1', port, tls: true, http2: false }];
  const prove = async (doubted: string) => {
    await store.prove(doubted, 'content').catch((error) => {
      if (error.code === 'seal-broken') withdrawn.push(doubted);
      throw error;
    });
  };
  const parts = { listeners, store, prove, rollout, token: '', objects: () => '/', maxBytes: 1000, log };
  return { sentinel: new Sentinel(parts), rollout, set, withdrawn };
}

test('right bytes are counted for each path', async () => {
  wrongFor = () => false;
  const { sentinel: one } = await sentinel();
  await one.look();
  assert.deepEqual(one.status().ways.canary, { same: 1, failed: 0, mismatched: 0 });
  assert.deepEqual(one.status().ways.control, { same: 1, failed: 0, mismatched: 0 });
  assert.equal(one.status().alarm, undefined);
});

test('wrong bytes in the canary: kernel TLS is rolled back, and the bytes are kept', async () => {
  wrongFor = (name) => name.endsWith('.canary.invalid');
  const { sentinel: one, rollout, set } = await sentinel();
  await one.look();
  assert.equal(rollout.state.phase, 'instrument');
  assert.equal(set.at(-1)?.phase, 'instrument');
  assert.match(rollout.view().changed.why, new RegExp(`canary.*${digest}`));
  assert.equal(rollout.view().changed.who, 'sentinel');
  const [evidence = assert.fail()] = one.status().evidence;
  assert.equal(await readFile(evidence, 'utf8'), 'other bytes!');
  assert.equal(one.status().alarm, undefined, 'userspace TLS is as it should be');
});

test('wrong bytes in userspace TLS, which cannot be switched off: alarm', async () => {
  wrongFor = (name) => name.endsWith('.control.invalid');
  const { sentinel: one, rollout } = await sentinel();
  await one.look();
  assert.match(one.status().alarm ?? '', /control/);
  assert.equal(rollout.state.phase, 'tx-canary');
});

test('a blob that cannot be read is not moved to quarantine', async () => {
  wrongFor = () => true;
  const blobs = join(dir, 'store/blobs');
  await rename(blobs, `${blobs}.away`);
  const { sentinel: one, withdrawn } = await sentinel();
  await one.look();
  await rename(`${blobs}.away`, blobs);
  assert.deepEqual(withdrawn, []);
  assert.equal(one.status().ways.canary.failed, 1);
  assert.equal(one.status().damagedBlobs, 0);
});

test('a blob that changed on disk is moved to quarantine, and no path is switched off', async () => {
  wrongFor = () => true;
  const path = blobPath(join(dir, 'store'), digest);
  await rm(path);
  await writeFile(path, 'other bytes!', { mode: 0o444 });
  const { sentinel: one, rollout, withdrawn } = await sentinel();
  await one.look();
  assert.ok(withdrawn.includes(digest));
  assert.equal(one.status().damagedBlobs, 2, 'found each way');
  assert.equal(rollout.state.phase, 'tx-canary');
  assert.equal(one.status().alarm, undefined);
});

test('a failed fetch is counted as failed, not as a mismatch', async () => {
  const { sentinel: one } = await sentinel();
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
  await one.look();
  assert.equal(one.status().ways.canary.failed, 1);
  assert.equal(one.status().ways.canary.mismatched, 0);
});
