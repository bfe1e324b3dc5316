// Pushes and collection at the same time: however they meet, no manifest is there without its layers.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:https';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Blob, blobOf, imageOf, TestRegistry, types } from '../../../support/registry.ts';

/** Requests over connections that are kept, as hundreds of pushes are made. */
class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8, rejectUnauthorized: false });
  readonly #registry: TestRegistry;

  constructor(registry: TestRegistry) {
    this.#registry = registry;
  }

  ask(method: string, path: string, body?: Buffer, type = 'application/octet-stream'): Promise<Answered> {
    const { server, site } = this.#registry;
    const headers = {
      Authorization: `Bearer ${site.token}`,
      ...(body && { 'Content-Type': type, 'Content-Length': `${body.length}` }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(`${server.url}${path}`, { method, headers, agent: this.#agent }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part) => parts.push(part));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            location: answer.headers.location ?? '',
            body: Buffer.concat(parts).toString(),
          }),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /** As clients do: what is found is not sent. */
  async blob({ digest, bytes }: Blob): Promise<void> {
    if ((await this.ask('HEAD', `/v2/race/blobs/${digest}`)).status === 200) return;
    const { location } = await this.ask('POST', '/v2/race/blobs/uploads/');
    const { status, body } = await this.ask('PUT', `${location}?digest=${digest}`, bytes);
    assert.equal(status, 201, body);
  }

  async status(path: string): Promise<number> {
    return (await this.ask('GET', `/v2/race/${path}`)).status;
  }

  close(): void {
    this.#agent.destroy();
  }
}

interface Answered {
  status: number;
  location: string;
  body: string;
}

interface Tidied {
  repositories: { manifests: string[]; blobs: number; fault?: string }[];
}

/** Collects without a pause while something is done; resolves with what went. */
async function beside(registry: TestRegistry, work: () => Promise<unknown>) {
  const ending = new AbortController();
  const collected = collecting(registry, ending.signal);
  await work().finally(() => {
    ending.abort();
    return collected;
  });
  return collected;
}

async function collecting(registry: TestRegistry, signal: AbortSignal) {
  const gone = { rounds: 0, manifests: 0, blobs: 0 };
  while (!signal.aborted) {
    const answer = await fetch(`${registry.server.control}/repositories/tidy`, {
      method: 'POST',
      body: '{"why":"a test"}',
    });
    const { repositories } = (await answer.json()) as Tidied;
    gone.rounds++;
    for (const { manifests, blobs, fault } of repositories) {
      assert.equal(fault, undefined);
      gone.manifests += manifests.length;
      gone.blobs += blobs;
    }
    if (gone.rounds % 5 === 0)
      await fetch(`${registry.server.control}/gc`, { method: 'POST', body: '{"dryRun":false}' });
  }
  return gone;
}

const config = blobOf('{}');
const layers = Array.from({ length: 6 }, () => blobOf(randomBytes(2000)));
const pick = () => layers[Math.floor(Math.random() * layers.length)] as Blob;

async function withRegistry(
  settings: Record<string, unknown>,
  run: (registry: TestRegistry, client: Client) => Promise<void>,
): Promise<void> {
  const registry = await TestRegistry.start(
    { registry: settings },
    { sentinel: { intervalSeconds: 0 }, gc: { intervalSeconds: 0, graceSeconds: 0 } },
  );
  const client = new Client(registry);
  try {
    await run(registry, client);
  } finally {
    client.close();
    await registry.stop();
  }
}

test('400 pushes beside collection without any grace: a manifest that is there has its layers', async () => {
  const retention = [{ keepTags: 2, untaggedDays: 0 }];
  await withRegistry({ graceSeconds: 0, retention }, async (registry, client) => {
    let refused = 0;
    const pushes = async (pusher: number) => {
      for (let round = 0; round < 100; round++) {
        const [one, two] = [pick(), pick()];
        const image = imageOf(config, [one, two], { annotations: { round: `${pusher} ${round % 7}` } });
        for (const blob of [config, one, two]) await client.blob(blob);
        const put = await client.ask('PUT', `/v2/race/manifests/t${round % 5}`, image.bytes, types.image);
        if (put.status !== 201) {
          assert.match(`${put.status} ${put.body}`, /^404 .*MANIFEST_BLOB_UNKNOWN/);
          refused++;
          continue;
        }
        for (const { digest } of [config, one, two]) {
          if ((await client.status(`blobs/${digest}`)) === 200) continue;
          // It went with its manifest, which another push may have brought back since.
          if ((await client.status(`manifests/${image.digest}`)) === 404) continue;
          assert.equal(await client.status(`blobs/${digest}`), 200);
        }
      }
    };
    const { manifests, blobs } = await beside(registry, () => Promise.all([0, 1, 2, 3].map(pushes)));
    assert.ok(manifests > 20 && blobs > 0, `too little went to say anything: ${manifests}, ${blobs}`);
    assert.ok(refused < 390, `${refused} of 400 were refused`);
    const { body } = await client.ask('GET', '/v2/race/tags/list');
    for (const tag of (JSON.parse(body) as { tags: string[] }).tags) {
      const manifest = JSON.parse((await client.ask('GET', `/v2/race/manifests/${tag}`)).body);
      for (const { digest } of [manifest.config, ...manifest.layers])
        assert.equal(await client.status(`blobs/${digest}`), 200, `${tag} ${digest}`);
    }
  });
});

test('pushes that are over within the grace time are never refused, whatever they find there', async () => {
  const retention = [{ keepTags: 1, untaggedDays: 0 }];
  await withRegistry({ graceSeconds: 1, retention }, async (registry, client) => {
    let inTime = 0;
    const end = performance.now() + 10_000;
    const pushes = async (pusher: number) => {
      for (let round = 0; performance.now() < end; round++) {
        const began = performance.now();
        const used = [config, pick(), pick()];
        for (const blob of used) await client.blob(blob);
        await sleep(Math.random() * 300);
        const image = imageOf(config, used.slice(1), { annotations: { round: `${pusher} ${round}` } });
        const put = await client.ask('PUT', '/v2/race/manifests/latest', image.bytes, types.image);
        const took = performance.now() - began;
        if (took < 1000) inTime++;
        if (took < 1000 || put.status !== 404) assert.equal(put.status, 201, put.body);
        // Now and then long enough that what is not needed goes.
        await sleep(round % 4 === 3 ? 1500 : 0);
      }
    };
    const { manifests, blobs } = await beside(registry, () => Promise.all([pushes(0), pushes(1)]));
    assert.ok(inTime > 5, `only ${inTime} pushes were fast enough`);
    assert.ok(manifests > 3 && blobs > 0, `too little went to say anything: ${manifests}, ${blobs}`);
  });
});
