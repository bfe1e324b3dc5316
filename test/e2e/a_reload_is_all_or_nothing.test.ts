// A reload takes buckets, log settings, limits, certificates, hooks and schedules of the configuration, over
// POST /reload and by SIGHUP. Where one setting cannot be used, nothing of it is taken.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { makeAuthority, makeLeaf, type Pair } from '../support/certificates.ts';
import { Receiver } from '../support/receiver.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite, type Site, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

let site: Site;
let server: TestServer;
let start: Record<string, unknown>;
let other: Pair;

before(async () => {
  site = await createSite({ buckets: { web: 'versioned' }, sentinel: { intervalSeconds: 0 } });
  start = JSON.parse(await readFile(site.config, 'utf8'));
  const authority = await makeAuthority(site.dir, 'authority');
  other = await makeLeaf(site.dir, authority, { subject: '/CN=other', names: ['other.test'] });
  server = await TestServer.start(site, '--workers', '2');
});
after(async () => {
  await server.stop();
  await site.remove();
});

const web = (host: string, bucket = 'web') => ({ host, bucket });
const objects = { host: '*', protocol: 'objects' };
const configure = (settings: object) => writeFile(site.config, JSON.stringify({ ...start, ...settings }));

interface Answer {
  status: number;
  detail: string;
  buckets: string[];
  settings: string[];
  restart: string[];
}

async function asked(method: string): Promise<Answer> {
  const answer = await fetch(`${server.control}/reload`, { method });
  return { ...((await answer.json()) as Omit<Answer, 'status'>), status: answer.status };
}

/** What a reload to these settings says, which is what it was said to be. */
async function reloaded(settings: object): Promise<Answer> {
  await configure(settings);
  const preview = await asked('GET');
  const done = await asked('POST');
  const { file: _, ...same } = preview as Answer & { file?: string };
  if (done.status === 200) assert.deepEqual(same, done);
  else assert.match(done.detail, /; what was in use stays$/);
  return done;
}

const statusOf = async (host: string, path = '/') => (await server.curl(path, '-H', `Host: ${host}`)).status;
const bucketNames = async () => {
  const answer = await (await fetch(`${server.control}/buckets`)).json();
  return (answer as { buckets: { name: string }[] }).buckets.map(({ name }) => name);
};

/** The subject of the certificate that a client which asks for a name gets. */
async function subjectFor(servername: string): Promise<string> {
  const { hostname: host, port } = new URL(server.url);
  return await new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), servername, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

test('a new bucket and a site on it: it is made, and told in preview, answer and command', async () => {
  const settings = {
    buckets: { web: 'versioned', films: 'write-once' },
    sites: [objects, web('a.test', 'films')],
  };
  await configure(settings);
  const checked = await outcome(
    spawnCli(['config', 'check', '-c', site.config, '--control', server.control ?? '']),
  );
  assert.match(checked.stdout, /^ {2}added {4}bucket films$/m, checked.stderr);
  assert.ok(!(await bucketNames()).includes('films'));
  const { buckets } = await reloaded(settings);
  assert.deepEqual(buckets, ['films']);
  assert.ok((await bucketNames()).includes('films'));
  const file = join(site.dir, 'film');
  await writeFile(file, 'moves');
  assert.equal((await server.put('/o/films/film.txt', file)).status, 201);
  assert.equal(await statusOf('a.test', '/film.txt'), 200);
  assert.deepEqual((await reloaded(settings)).buckets, []);
});

test('a bucket whose kind differs: refused by name, and nothing else of the file is taken', async () => {
  const access = join(site.dir, 'refused.log');
  const { status, detail } = await reloaded({
    buckets: { web: 'write-once', another: 'versioned' },
    sites: [objects, web('refused.test')],
    log: { access },
    limits: { maxObjectBytes: 1 },
    tls: { ...(start.tls as object), certificates: [other] },
  });
  assert.equal(status, 422);
  assert.match(detail, /^buckets\.web: declared is write-once, and the bucket is versioned; /);
  assert.ok(!(await bucketNames()).includes('another'));
  assert.equal(await statusOf('a.test', '/film.txt'), 200);
  assert.notEqual(await subjectFor('other.test'), 'other');
  assert.equal((await server.put('/o/films/more.txt', join(site.dir, 'film'))).status, 201);
  await assert.rejects(readFile(access), { code: 'ENOENT' });
});

test('an access log that cannot be opened: certificates that were taken before are given back', async () => {
  const access = join(site.dir, 'no', 'folder');
  const { status, detail } = await reloaded({
    buckets: { web: 'versioned', late: 'versioned' },
    log: { access, level: 'silent' },
    tls: { ...(start.tls as object), certificates: [other] },
  });
  assert.equal(status, 422);
  assert.match(detail, /^log\.access: .*no\/folder: open: No such file or directory/);
  assert.notEqual(await subjectFor('other.test'), 'other');
  assert.ok(!(await bucketNames()).includes('late'));
  assert.equal(await statusOf('a.test', '/film.txt'), 200);
});

test('several faults: the answer has all of them', async () => {
  await configure({ buckets: { web: 'write-once' }, tls: { ...(start.tls as object), key: './none.pem' } });
  for (const { status, detail } of [await asked('GET'), await asked('POST')]) {
    assert.equal(status, 422);
    assert.match(detail, /tls\.key: .*none\.pem: .*\nbuckets\.web: declared is write-once/);
  }
});

test('a certificate more, for another name: handshakes that ask for it get it', async () => {
  const { settings } = await reloaded({ tls: { ...(start.tls as object), certificates: [other] } });
  assert.ok(settings.includes('tls.certificates'));
  await until(
    () => subjectFor('other.test'),
    (name) => name === 'other',
    'the certificate',
  );
  await reloaded({});
  await until(
    () => subjectFor('other.test'),
    (name) => name !== 'other',
    'the certificate before',
  );
});

test('a lower limit of uploads: larger ones are refused from then on', async () => {
  const file = join(site.dir, 'eleven');
  await writeFile(file, '01234567890');
  assert.deepEqual((await reloaded({ limits: { maxObjectBytes: 10 } })).settings, ['limits.maxObjectBytes']);
  assert.equal((await server.put('/o/web/eleven', file)).status, 413);
  await reloaded({});
  assert.equal((await server.put('/o/web/eleven', file)).status, 201);
});

test('a shorter idle time and target: who was idle before is closed, and more gets 414', async () => {
  const { hostname: host, port } = new URL(server.url);
  const idle = connect({ host, port: Number(port), rejectUnauthorized: false });
  await once(idle, 'secureConnect');
  idle.write('OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n');
  await once(idle, 'data');
  const closed = once(idle, 'close');
  const long = `/${'a'.repeat(2000)}`;
  assert.equal((await server.curl(long)).status, 404);
  const { settings, restart } = await reloaded({
    limits: { idleTimeout: 50, targetBytes: 1000, uploads: 3 },
  });
  assert.deepEqual(settings.sort(), ['limits.idleTimeout', 'limits.targetBytes']);
  assert.deepEqual(restart, ['limits.uploads']);
  await closed;
  assert.equal((await server.curl(long)).status, 414);
  await reloaded({});
  assert.equal((await server.curl(long)).status, 404);
});

test('the access log: another file, other fields, none, and the level of the own log', async () => {
  const access = join(site.dir, 'access.log');
  const lines = async () => (await readFile(access, 'utf8').catch(() => '')).split('\n').filter(Boolean);
  await reloaded({ log: { access, fields: ['host'], level: 'warn' } });
  await server.curl('/o/web/seen');
  const [line = ''] = await until(lines, (found) => found.length > 0, 'a line');
  const { target, host, userAgent } = JSON.parse(line);
  assert.deepEqual([target, typeof host, userAgent], ['/o/web/seen', 'string', undefined]);
  const said = server.log();
  assert.deepEqual((await reloaded({ log: { access: '', level: 'warn' } })).settings, [
    'log.access',
    'log.fields',
  ]);
  await server.curl('/o/web/unseen');
  assert.equal(server.log().slice(said.length).includes('settings were read again'), false);
  assert.deepEqual((await reloaded({})).settings, ['log.level']);
  await until(server.log, (log) => log.slice(said.length).includes('settings were read again'), 'the log');
  assert.equal(
    (await lines()).some((each) => each.includes('unseen')),
    false,
  );
});

test('a purge hook more: it is told everything, and then what changes', async () => {
  const receiver = await Receiver.start();
  try {
    const to = (path: string) => ({ url: `http://127.0.0.1:${receiver.port}${path}` });
    const hook = { name: 'cdn', request: { ...to('/some'), body: ['{urls}'] }, everything: to('/all') };
    const more = { sites: [objects, web('a.test')], purge: { hooks: [hook] } };
    assert.deepEqual((await reloaded(more)).settings, ['purge.hooks']);
    const targets = () => receiver.received.map(({ target }) => target);
    await until(targets, (found) => found.includes('/all'), 'the request for everything');
    await server.put('/o/web/page.html', join(site.dir, 'eleven'));
    await until(targets, (found) => found.includes('/some'), 'the request for a page');
    assert.deepEqual((await reloaded({})).settings, ['purge.hooks']);
  } finally {
    await receiver.stop();
  }
});

test('a shorter interval of collection, and a scrub: both begin', async () => {
  const status = async () => (await (await fetch(`${server.control}/gc`)).json()) as { last?: object | null };
  const scrub = async () =>
    ((await (await fetch(`${server.control}/status`)).json()) as { scrub?: object }).scrub;
  assert.equal(await scrub(), undefined);
  assert.ok(!(await status()).last);
  await reloaded({ gc: { intervalSeconds: 0.05 }, scrub: { periodDays: 0.001 } });
  await until(status, ({ last }) => Boolean(last), 'a round');
  await until(scrub, (found) => found !== undefined, 'a scrub');
  await reloaded({});
});

test('settings of every kind that take a restart: each is named, and none is taken', async () => {
  const { restart, settings } = await reloaded({
    workers: 7,
    ktls: { mode: 'off' },
    limits: { connections: 77 },
    auth: { reads: 'token' },
    healthPath: '/health',
  });
  assert.deepEqual(settings, []);
  assert.deepEqual(restart.sort(), ['auth.reads', 'healthPath', 'ktls.mode', 'limits.connections']);
  assert.equal((await server.curl('/o/web/eleven')).status, 200);
});

test('SIGHUP and shorter times of the drain: the end goes by them', async () => {
  await configure({ drain: { graceSeconds: 7 }, buckets: { web: 'versioned', hup: 'versioned' } });
  process.kill(server.pid, 'SIGHUP');
  await until(bucketNames, (names) => names.includes('hup'), 'the bucket');
  await until(server.log, (log) => log.includes('"settings":["drain.graceSeconds"]'), 'the settings');
  assert.equal(await server.stop(), 0);
  assert.match(server.log(), /"graceSeconds":7,"msg":"draining/);
});
