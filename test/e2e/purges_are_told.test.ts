// What changed is told to CDNs by the requests that they want, once each while all is well, and until it is
// taken while it is not: after errors, a receiver that is away, and a server that was killed.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { idle, type Status, secret, status, withHooks } from '../support/purge_setting.ts';
import { documentedHook } from '../support/purging.ts';
import { type Received, Receiver } from '../support/receiver.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const targets = (received: readonly Received[]) => received.map(({ target }) => target).sort();
const bodies = (received: readonly Received[]) => received.map(({ body }) => JSON.parse(body));
const varnish = async (to: string) => [await documentedHook('varnish-1', to, { maxRetrySeconds: 1 })];
const cloudflare = async (to: string) => [await documentedHook('cloudflare', to, { maxRetrySeconds: 1 })];

test('Cloudflare gets lists of at most 30 URLs, with the token', async () => {
  const receiver = { first: [] as Received[] };
  await withHooks(cloudflare, async (setting) => {
    const { put, site, server, receiver: its } = setting;
    receiver.first = its.received;
    await put('web/site/a@2x b.png', 'one');
    const [one] = await its.until(1);
    assert.deepEqual(
      [one?.method, one?.target, one?.fields.authorization, one?.fields['content-type']],
      ['POST', '/client/v4/zones/ZONE/purge_cache', `Bearer ${secret}`, 'application/json'],
    );
    assert.deepEqual(JSON.parse(one?.body ?? ''), {
      files: [
        'http://objects.test:8080/at/o/web/site/a%402x%20b.png',
        'http://objects.test:8080/at/o/web/site/a@2x%20b.png',
        'https://www.test/a%402x%20b.png',
        'https://www.test/a@2x%20b.png',
        'https://www.test/',
        'https://cdn.other/base/site/a%402x%20b.png',
        'https://cdn.other/base/site/a@2x%20b.png',
      ],
    });
    await idle(setting);
    its.received.length = 0;
    const { digest } = JSON.parse((await setting.cli('stat', 'web/site/a@2x b.png', '--json')).stdout);
    const entries = Array.from({ length: 40 }, (_, at) => ({ name: `private/${at}`, digest }));
    await writeFile(join(site.dir, 'list'), JSON.stringify({ entries }));
    const list = [
      '-X',
      'PUT',
      '-d',
      `@${join(site.dir, 'list')}`,
      '-H',
      `Authorization: Bearer ${site.token}`,
    ];
    assert.equal((await server.curl('/store/o/private/', ...list)).status, 200);
    await its.until(2);
    const listed = bodies(its.taken).map(({ files }) => files.length);
    assert.deepEqual(listed.sort(), [10, 30]);
    assert.match(await readFile(site.config, 'utf8'), /cloudflare/);
    for (const said of [
      server.log(),
      JSON.stringify(await status(setting)),
      (await setting.cli('config', 'show')).stdout,
    ])
      assert.equal(said.includes(secret), false);
  });
});

test('Fastly gets a POST for each URL, and the surrogate keys of before and after a change', async () => {
  const hooks = (to: string) =>
    Promise.all(['fastly', 'fastly-keys'].map((name) => documentedHook(name, to)));
  await withHooks(hooks, async ({ put, receiver, cli, server }) => {
    await put('web/site/a', 'one', '-H', 'Surrogate-Key: first all');
    await put('web/site/a', 'two', '-H', 'Surrogate-Key: second all');
    const wanted = [
      '/purge/cdn.other/base/site/a',
      '/purge/objects.test:8080/at/o/web/site/a',
      '/purge/www.test/',
      '/purge/www.test/a',
    ];
    const keysOf = () =>
      receiver.taken
        .filter(({ target }) => target === '/service/ID/purge')
        .flatMap(({ body }) => JSON.parse(body).surrogate_keys);
    await until(
      () => [...new Set(keysOf())].sort(),
      (keys) => keys.length === 3,
      'surrogate keys',
    );
    assert.deepEqual([...new Set(keysOf())].sort(), ['all', 'first', 'second']);
    await until(
      () => [...new Set(targets(receiver.taken))],
      (all) => wanted.every((each) => all.includes(each)),
      'URLs',
    );
    for (const { fields, method } of receiver.taken)
      assert.deepEqual([method, fields['fastly-key']], ['POST', secret]);
    assert.equal((await cli('purge', 'status', '--control', `${server.control}`)).status, 0);
  });
});

test('a body is signed with the key as it is sent', async () => {
  await withHooks(
    async (to) => [await documentedHook('mine', to)],
    async ({ put, receiver }) => {
      await put('web/site/é"', 'one');
      const [one] = await receiver.until(1);
      const expected = createHmac('sha256', secret)
        .update(one?.body ?? '')
        .digest('hex');
      assert.equal(one?.fields['x-hub-signature-256'], `sha256=${expected}`);
      assert.equal(JSON.parse(one?.body ?? '').changed[1], 'https://www.test/%C3%A9%22');
    },
  );
});

test('deletions, copies, indexes, pages and forgotten bytes are told, each with its URLs', async () => {
  await withHooks(varnish, async (setting) => {
    const { receiver, put, cli } = setting;
    const told = async (what: () => Promise<unknown>) => {
      receiver.received.length = 0;
      await what();
      await receiver.until(1);
      await idle(setting);
      return [...new Set(receiver.taken.map(({ fields, target }) => `${fields.host}${target}`))].sort();
    };
    const run = async (...args: string[]) => {
      const { status: ended, stderr } = await cli(...args, '--server', `${setting.server.url}/store/`);
      assert.equal(ended, 0, stderr);
    };
    await put('web/site/d/a', 'one');
    await put('web/site/d/a', 'two');
    await idle(setting);
    const urls = [
      'cdn.other/base/site/d/a',
      'objects.test:8080/at/o/web/site/d/a',
      'www.test/d/',
      'www.test/d/a',
    ];
    assert.deepEqual(await told(() => run('rm', 'web/site/d/a')), urls);
    assert.deepEqual(await told(() => run('restore', 'web/site/d/a', '--to', '1')), urls);
    assert.deepEqual(await told(() => run('cp', 'web/site/d/a', 'private/x')), [
      'objects.test:8080/at/o/private/x',
    ]);
    assert.deepEqual(await told(() => put('web/site/d/index.html', 'i')), [
      'cdn.other/base/site/d',
      'cdn.other/base/site/d/',
      'cdn.other/base/site/d/index.html',
      'objects.test:8080/at/o/web/site/d/index.html',
      'www.test/d',
      'www.test/d/',
      'www.test/d/index.html',
    ]);
    const page = await told(() => put('web/site/404.html', 'none'));
    assert.equal(page.includes('www.test/'), true);
    assert.deepEqual(
      receiver.taken.filter(({ fields }) => fields['x-purge-host']).map(({ fields }) => fields.host),
      ['www.test'],
    );
    const { digest } = JSON.parse((await cli('stat', 'private/x', '--json')).stdout);
    const forgotten = await told(() =>
      cli('forget', digest, '--why', 'asked', '--control', `${setting.server.control}`),
    );
    assert.equal(forgotten.includes(`objects.test:8080/at/sha256/${digest}`), true, String(forgotten));
    assert.equal(forgotten.includes('objects.test:8080/at/o/private/x'), true, String(forgotten));
  });
});

test('what is answered with 500 is told again until it is taken; no secret is in what is said', async () => {
  await withHooks(cloudflare, async (setting) => {
    const { receiver, put, cli, server } = setting;
    receiver.answer = () => 500;
    await put('web/site/a', 'one');
    const failing = await until(
      () => status(setting),
      ({ hooks }) => hooks[0]?.fault !== undefined,
      'a fault',
    );
    assert.equal(failing.hooks[0]?.fault, 'it answered 500: answered 500 to Bearer ***');
    assert.equal(failing.hooks[0]?.names, 1);
    const said = await cli('purge', 'status', '--control', `${server.control}`);
    assert.equal(said.status, 1);
    assert.match(said.stdout, /^cloudflare: 1 names wait, the oldest since [^\n]+\n {2}it answered 500/);
    assert.equal(await server.metric('sealgate_purges_waiting{hook="cloudflare"}'), 1);
    assert.equal(await server.metric('sealgate_purges_failing{hook="cloudflare"}'), 1);
    assert.ok((await server.metric('sealgate_purge_failures_total{hook="cloudflare"}')) >= 1);
    receiver.answer = () => 200;
    const retried = await cli('purge', 'retry', '--control', `${server.control}`);
    assert.equal(retried.stderr, '');
    await receiver.until(1);
    await idle(setting);
    assert.match(server.log(), /a purge was not taken/);
    assert.equal(server.log().includes(secret), false);
    const page = await (await fetch(`${server.control}/status`)).json();
    assert.equal((page as { purges: Status['hooks'] }).purges[0]?.name, 'cloudflare');
  });
});

test('a secret that stands at the end of what is told of an answer is not told in part', async () => {
  await withHooks(cloudflare, async (setting) => {
    setting.receiver.answer = () => 500;
    setting.receiver.said = 'x'.repeat(170);
    await setting.put('web/site/a', 'one');
    const { hooks } = await until(
      () => status(setting),
      ({ hooks: [first] }) => first?.fault !== undefined,
      'a fault',
    );
    assert.equal(hooks[0]?.fault, `it answered 500: ${'x'.repeat(170)}answered 500 to Bearer ***`);
    assert.equal(setting.server.log().includes(secret.slice(0, 5)), false);
  });
});

test('one URL that is refused does not hold up the others', async () => {
  await withHooks(varnish, async (setting) => {
    const { receiver, put } = setting;
    receiver.answer = ({ target }) => (target.endsWith('bad') ? 403 : 200);
    await put('private/bad', 'one');
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await put(`private/${name}`, name);
    await until(
      () => new Set(targets(receiver.taken)).size,
      (taken) => taken === 6,
      'the others',
    );
    assert.equal((await status(setting)).hooks[0]?.names !== 0, true);
    receiver.answer = () => 200;
    await idle(setting);
    assert.equal(targets(receiver.taken).includes('/at/o/private/bad'), true);
  });
});

test('a receiver that never answers is given up after the timeout, and asked again', async () => {
  const hooks = async (to: string) => [
    await documentedHook('varnish-1', to, { maxRetrySeconds: 1, timeoutSeconds: 1 }),
  ];
  await withHooks(hooks, async (setting) => {
    const { receiver, put } = setting;
    receiver.answer = () => 0;
    await put('private/a', 'one');
    const { hooks: failing } = await until(
      () => status(setting),
      ({ hooks: [first] }) => first?.fault !== undefined,
      'a fault',
    );
    assert.equal(failing[0]?.fault, 'it cannot be reached (no answer in 1 s)');
    receiver.answer = () => 200;
    await idle(setting);
  });
});

test('changes before a kill -9, and while no server runs, are told after the next start', async () => {
  await withHooks(varnish, async (setting) => {
    const { receiver, put, cli, start, site } = setting;
    const { port } = receiver;
    await receiver.stop();
    await put('private/a', 'one');
    await put('private/b', 'two');
    await setting.server.stop('SIGKILL');
    await writeFile(join(site.dir, 'file'), 'three');
    const offline = await cli('put', join(site.dir, 'file'), 'private/c');
    assert.equal(offline.status, 0, offline.stderr);
    setting.receiver = await Receiver.start(port);
    setting.server = await start();
    await setting.receiver.until(3);
    assert.deepEqual(targets(setting.receiver.taken), [
      '/at/o/private/a',
      '/at/o/private/b',
      '/at/o/private/c',
    ]);
    await idle(setting);
    await setting.server.stop();
    setting.receiver.received.length = 0;
    setting.server = await start();
    await idle(setting);
    assert.deepEqual(targets(setting.receiver.received), []);
    await setting.receiver.stop();
  });
});

test('behind maxWaiting names everything is purged in their place', async () => {
  await withHooks(
    varnish,
    async (setting) => {
      const { receiver, put } = setting;
      receiver.answer = () => 503;
      for (let at = 0; at < 8; at++) await put(`private/${at}`, `${at}`);
      await until(
        () => status(setting),
        ({ hooks: [first] }) => first?.everything !== undefined,
        'everything',
      );
      receiver.received.length = 0;
      receiver.answer = () => 200;
      await idle(setting);
      assert.deepEqual(receiver.taken.filter(({ fields }) => fields['x-purge-host']).length, 3);
      receiver.received.length = 0;
      await put('private/later', 'x');
      await receiver.until(1);
      assert.deepEqual(targets(receiver.taken), ['/at/o/private/later']);
    },
    { maxWaiting: 5 },
  );
});

test('purge everything is told once for each host; without hooks, status says so', async () => {
  await withHooks(varnish, async (setting) => {
    const { receiver, cli, server } = setting;
    assert.equal(
      (await cli('purge', 'everything', '--why', 'a test', '--control', `${server.control}`)).status,
      0,
    );
    await idle(setting);
    assert.deepEqual(receiver.taken.map(({ fields }) => fields.host).sort(), [
      'cdn.other',
      'objects.test:8080',
      'www.test',
    ]);
    assert.match(await readFile(join(setting.site.dir, 'audit.jsonl'), 'utf8'), /purge-everything.*a test/);
  });
  const site = await createSite();
  const server = await TestServer.start(site, '--workers', '1');
  try {
    const said = await outcome(
      spawnCli(['purge', 'status', '--config', site.config, '--control', `${server.control}`]),
    );
    assert.deepEqual(
      [said.status, said.stdout],
      [0, 'there are no hooks; they are purge.hooks of the configuration\n'],
    );
  } finally {
    await server.stop();
    await site.remove();
  }
});
