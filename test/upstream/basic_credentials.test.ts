// Credentials of an upstream: a file with a user name and a password, which go to its own origin alone.

import assert from 'node:assert/strict';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { startMirrors, startUpstream } from '../support/upstream.ts';

const basic = (line: string) => `Basic ${Buffer.from(line).toString('base64')}`;
const elsewhere = await startUpstream((_, response) => void response.end('elsewhere'));
const origin = await startUpstream(({ url, headers }, response) => {
  if (headers.authorization !== basic(line)) response.writeHead(401, { 'www-authenticate': 'Basic' }).end();
  else if (url === '/far') response.writeHead(302, { location: `${elsewhere.url}far` }).end();
  else response.end(`for ${url}`);
});
let line = 'somebody:a-secret:of-ours';
const { server, site, stop } = await startMirrors(
  { origin: { url: origin.url, credentials: './credentials', redirectsTo: ['127.0.0.1'], attempts: 1 } },
  [{ path: '/m/', upstreams: ['origin'], mirror: { negativeSeconds: 0 } }],
  { credentials: `${line}\n` },
);
after(async () => {
  await stop();
  for (const each of [origin, elsewhere]) each.close();
});

test('the user name and the password are shown to the upstream', async () => {
  assert.equal((await server.curl('/m/a')).body.toString(), 'for /a');
});

test('a redirect to another server is followed without them', async () => {
  assert.equal((await server.curl('/m/far')).body.toString(), 'elsewhere');
  assert.equal(elsewhere.fields.length, 1);
  assert.equal(elsewhere.fields[0]?.authorization, undefined);
});

test('what the file has later counts for the next fetch', async () => {
  line = 'somebody:another-secret';
  assert.ok((await server.curl('/m/later')).status >= 400);
  await writeFile(join(site.dir, 'credentials'), line, { mode: 0o600 });
  assert.equal((await server.curl('/m/later2')).body.toString(), 'for /later2');
});

test('the log has neither of them', () => {
  const secrets = [
    'a-secret',
    'another-secret',
    basic('somebody:a-secret:of-ours').slice(6),
    basic(line).slice(6),
  ];
  for (const secret of secrets) assert.ok(!server.log().includes(secret));
});

/** What `config check` says of other credentials. */
async function checked(credentials: string): Promise<{ status: number | null; said: string }> {
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  config.upstreams.origin.credentials = credentials;
  const file = join(site.dir, 'other.json');
  await writeFile(file, JSON.stringify(config));
  const { status, stdout, stderr } = await outcome(spawnCli(['config', 'check', '--config', file]));
  return { status, said: stdout + stderr };
}

test('a password in place of the file is refused, and not told', async () => {
  for (const inline of ['somebody:secret-word', 'secret-word', 'Basic:secret-word']) {
    const { status, said } = await checked(inline);
    assert.notEqual(status, 0, inline);
    assert.match(said, /upstreams\.origin\.credentials: /);
    assert.doesNotMatch(said, /secret-word/);
  }
});

test('a file without a colon, and one that others may read, are refused without their content', async () => {
  await writeFile(join(site.dir, 'single'), 'secret-word', { mode: 0o600 });
  const single = await checked('./single');
  assert.notEqual(single.status, 0);
  assert.match(single.said, /upstreams\.origin\.credentials: .*single: expected one line USER:PASSWORD/);
  await writeFile(join(site.dir, 'open'), 'somebody:secret-word');
  await chmod(join(site.dir, 'open'), 0o644);
  const open = await checked('./open');
  assert.notEqual(open.status, 0);
  assert.match(open.said, /upstreams\.origin\.credentials: .*open: others may read it; run chmod 600/);
  for (const { said } of [single, open]) assert.doesNotMatch(said, /secret-word/);
});
