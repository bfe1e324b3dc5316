// Each kernel TLS symptom is provoked and then reported with its numbers. Symptoms of network devices cannot
// be provoked here; see test/rollout/diagnose_devices.test.ts.

import assert from 'node:assert/strict';
import { link, readFile, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Diagnosis } from '../../src/control/views.ts';
import type { Symptom } from '../../src/rollout/symptom.ts';
import { recordClient, suites } from '../support/record_client.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { blobPath } from '../support/store.ts';
import { until } from '../support/wait.ts';
import { kernelRekeys, sample } from './support.ts';

const unknownToTheKernel = 'ECDHE-ECDSA-AES128-SHA256';
const site = await createSite();
const config = JSON.parse(await readFile(site.config, 'utf8'));
const settings = {
  ktls: { mode: 'require', recordsPerKey: 50 },
  guard: { intervalSeconds: 0.3 },
  sentinel: { intervalSeconds: 0 },
  tls: { ...config.tls, ciphers: `${unknownToTheKernel}:ECDHE-ECDSA-AES128-GCM-SHA256` },
};
await writeFile(site.config, JSON.stringify({ ...config, ...settings }));
const server = await TestServer.start(site, '--workers', '1');
const small = await sample(site, server, 'small', 1000);
const large = await sample(site, server, 'large', 3_000_000);
after(async () => {
  await server.stop();
  await site.remove();
});

/** Opens this number of connections with one request each. */
async function connect(
  count: number,
  options: { ciphers?: string; maxVersion?: 'TLSv1.2' } = {},
): Promise<void> {
  const ca = await readFile(site.certificate);
  for (let done = 0; done < count; done += 1) {
    const agent = new Agent({ keepAlive: false, ca, maxCachedSessions: 0, ...options });
    await new Promise((resolve, reject) => {
      const asked = request(server.url + small.path, { agent, servername: 'localhost' }, (response) =>
        response.resume().on('end', resolve),
      );
      asked.on('error', reject).end();
    });
  }
}

/** @param load traffic to generate before each look. */
function named(name: string, load = async () => {}): Promise<Symptom> {
  const ask = async () => {
    await load();
    const { symptoms } = (await (await fetch(`${server.control}/diagnosis`)).json()) as Diagnosis;
    return symptoms.find((symptom) => symptom.name === name);
  };
  return until(ask, Boolean, name) as Promise<Symptom>;
}

test('without traffic there are no symptoms', async () => {
  const { status, stdout } = await outcome(
    spawnCli(['diagnose', '--config', site.config, '--control', server.control ?? '']),
  );
  assert.match(stdout, /^nothing odd/);
  assert.equal(status, 0);
});

test('clients that connect for one small object: handshake-bound', async () => {
  // CPU is sampled by the kernel's clock ticks, so the load must last long enough to meet some.
  const bound = await named('handshake-bound', () => connect(200));
  assert.equal(bound.family, 'A');
  assert.match(bound.seen, /^\d+ % of the CPU/);
  assert.match((await named('objects-too-small')).seen, /^(9\d|100) % of \d+ connections/);
});

test('clients with a cipher unknown to kernel TLS: ciphers-fall-out', async () => {
  const others = () => connect(80, { ciphers: unknownToTheKernel, maxVersion: 'TLSv1.2' });
  assert.match((await named('ciphers-fall-out', others)).seen, /^\d\d % of \d+ connections/);
});

test('content that sendfile cannot send: sendfile-not-applicable', async () => {
  await link(blobPath(join(site.dir, 'store'), large.digest), join(site.dir, 'second-name'));
  assert.equal((await server.curl(large.path)).status, 200);
  assert.match((await named('sendfile-not-applicable')).seen, /^\d+ % of what kernel TLS sends is copied/);
});

test('used-up keys that cannot be replaced: cannot-rekey', async () => {
  const version = kernelRekeys ? 'tls12' : 'tls13';
  const suite = suites.find((each) => each.version === version) ?? assert.fail();
  await recordClient(server, suite, 'get', large.path, 'read', 3_000_000, 'end').catch(() => {});
  assert.match((await named('cannot-rekey')).seen, /^[1-9]\d* connections ended in order/);
});

test('records that do not authenticate: keys-not-followed', async () => {
  const suite = suites[0] ?? assert.fail();
  await recordClient(server, suite, 'get', small.path, 'garbage', 'end').catch(() => {});
  assert.match((await named('keys-not-followed')).seen, /bad-record-mac 1/);
});

test('the diagnose command lists the symptoms and exits with 1', async () => {
  const { status, stdout } = await outcome(
    spawnCli(['diagnose', '--config', site.config, '--control', server.control ?? '']),
  );
  assert.match(stdout, /objects-too-small \(kernel TLS is on without a gain\)\n {2}seen/);
  assert.equal(status, 1);
});
