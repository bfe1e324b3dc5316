// import leaves out hidden files, files excluded by globs, links out of the tree, private keys and the site's
// own files. Each kind is counted, and keys are named.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { bucketDigests, writeTree } from '../support/tree.ts';

const site = await createSite();
after(() => site.remove());
const store = join(site.dir, 'store');
const cli = (...args: string[]) => outcome(spawnCli([...args, '--config', site.config]));
const names = async (bucket: string) => Object.keys(await bucketDigests(store, bucket));

let trees = 0;
/** Imports a new tree into a bucket of its own. */
async function imported(files: Record<string, string | Uint8Array>, ...flags: string[]) {
  const tree = join(site.dir, `tree ${trees++}`);
  await writeTree(tree, files);
  const bucket = `bucket-${trees}`;
  return { ...(await cli('import', tree, '--bucket', bucket, ...flags)), names: await names(bucket) };
}

const tree = {
  'a.txt': 'a',
  'b/c.txt': 'c',
  'b/d.tmp': 'd',
  'b/keep/e.txt': 'e',
  '.git/config': 'x',
  'b/.f': 'f',
};

test('hidden files and folders are left out without --hidden', async () => {
  const plain = await imported(tree);
  assert.deepEqual(plain.names, ['a.txt', 'b/c.txt', 'b/d.tmp', 'b/keep/e.txt']);
  assert.match(plain.stdout, /^2 hidden files and folders were left out; --hidden takes them$/m);
  const all = await imported(tree, '--hidden');
  assert.deepEqual(all.names, Object.keys(tree).sort());
});

const globs: [string[], string[]][] = [
  [
    ['--exclude', '*.tmp'],
    ['a.txt', 'b/c.txt', 'b/keep/e.txt'],
  ],
  [['--exclude', 'b/**'], ['a.txt']],
  [
    ['--exclude', 'keep'],
    ['a.txt', 'b/c.txt', 'b/d.tmp'],
  ],
  [
    ['--exclude', '/b/keep/', '--exclude', 'd.*'],
    ['a.txt', 'b/c.txt'],
  ],
  [
    ['--exclude', 'c.txt/'],
    ['a.txt', 'b/c.txt', 'b/d.tmp', 'b/keep/e.txt'],
  ],
  [
    ['--include', '*.txt'],
    ['a.txt', 'b/c.txt', 'b/keep/e.txt'],
  ],
  [
    ['--include', 'b/*.txt', '--include', 'a.*'],
    ['a.txt', 'b/c.txt'],
  ],
  [
    ['--include', '*.txt', '--exclude', 'e.*'],
    ['a.txt', 'b/c.txt'],
  ],
];
for (const [flags, expected] of globs) {
  test(`${flags.join(' ')} selects the expected files`, async () => {
    const { status, names } = await imported(tree, ...flags);
    assert.deepEqual([status, names], [0, expected]);
  });
}

test('--dry-run lists what would be imported and changes nothing', async () => {
  const at = join(site.dir, 'dry');
  await writeTree(at, { 'a.txt': 'a' });
  const { status, stdout } = await cli('import', at, '--bucket', 'dry', '--dry-run');
  assert.equal(status, 0);
  assert.match(stdout, /^ +1 B {2}text\/plain +a\.txt\n1 file would be imported, 1 B\n$/);
  assert.ok(!(await cli('bucket', 'list')).stdout.includes('dry'));
  await writeTree(at, { 'key.pem': '-----BEGIN PRIVATE KEY-----\n' });
  const dry = await cli('import', at, '--dry-run');
  assert.match(dry.stderr, /key\.pem: holds a private key/);
});

test('--links imports links to files inside the tree, and no others', async () => {
  const at = join(site.dir, 'links');
  await writeTree(at, { 'real/file': 'file', '.hidden': 'x' });
  await writeFile(join(site.dir, 'outside'), 'outside');
  await symlink('real/file', join(at, 'inside'));
  await symlink('../outside', join(at, 'out'));
  await symlink('real', join(at, 'folder'));
  await symlink('.hidden', join(at, 'to hidden'));
  await symlink('nowhere', join(at, 'dangling'));
  await cli('import', at, '--bucket', 'links-not');
  assert.deepEqual(await names('links-not'), ['real/file']);
  const { stdout } = await cli('import', at, '--bucket', 'links', '--links');
  assert.deepEqual(await names('links'), ['inside', 'real/file']);
  assert.match(stdout, /^3 symbolic links were left out; /m);
});

const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
const made = (name: string) => join(site.dir, `${name}.pem`);
const [ec, rsa, both] = [made('ec'), made('rsa'), made('both')];
openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', ec);
openssl('genrsa', '-out', rsa, '2048');
await writeFile(
  both,
  Buffer.concat([await readFile(site.certificate), await readFile(join(site.dir, 'tls/key.pem'))]),
);
const encrypted = ['pkcs8', '-topk8', '-in', ec, '-passout', 'pass:x'];

const traditional = ['rsa', '-in', rsa, '-traditional', '-aes128', '-passout', 'pass:x'];

const pem = (await readFile(ec)).toString();
const tokens = (await readFile(join(site.dir, 'tokens.json'))).toString();

/** Files that need --publish-secrets, whatever their names. */
const keys: Record<string, string | Buffer> = {
  'pkcs8.txt': await readFile(ec),
  'sec1.txt': openssl('ec', '-in', ec),
  'pkcs1.txt': openssl('rsa', '-in', rsa, '-traditional'),
  'encrypted.txt': openssl(...encrypted),
  'behind a certificate.txt': await readFile(both),
  'in json.json': JSON.stringify({ private_key: (await readFile(ec)).toString() }),
  'openssh.txt': '-----BEGIN OPENSSH PRIVATE KEY-----\n',
  'pgp.txt': '-----BEGIN PGP PRIVATE KEY BLOCK-----\n',
  'putty.txt': 'PuTTY-User-Key-File-3: ssh-ed25519\n',
  'pkcs8.bin': openssl('pkcs8', '-topk8', '-nocrypt', '-in', ec, '-outform', 'DER'),
  'sec1.bin': openssl('ec', '-in', ec, '-outform', 'DER'),
  'pkcs1.bin': openssl('rsa', '-in', rsa, '-traditional', '-outform', 'DER'),
  'encrypted.bin': openssl(...encrypted, '-outform', 'DER'),
  'pkcs12.bin': openssl('pkcs12', '-export', '-in', both, '-passout', 'pass:x'),
  'tokens.txt': tokens,
  'bearer.txt': `${site.token}\n`,
  id_ed25519: 'x',
  'some.key': 'x',
  '.env': 'x',
  '.aws/credentials': 'x',
};
/** The same secrets in other encodings and among other text. */
const disguised: Record<string, string | Buffer> = {
  'utf-16 little endian.txt': Buffer.from(`\ufeff${pem}`, 'utf16le'),
  'utf-16 big endian.txt': Buffer.from(`\ufeff${pem}`, 'utf16le').swap16(),
  'before a megabyte.txt': `${pem}${'#'.repeat(2 ** 20)}`,
  'behind a megabyte.txt': `${'#'.repeat(2 ** 20 - 20)}${pem}`,
  'behind megabytes in utf-16.txt': Buffer.from(`${'#'.repeat(3 * 2 ** 20)}${pem}`, 'utf16le'),
  'behind megabytes, encrypted.txt': `${'#'.repeat(3 * 2 ** 20)}${openssl(...traditional)}`,
  'tokens behind a newline.txt': `\n${tokens}`,
  'tokens behind a mark.txt': `\ufeff${tokens}`,
  'tokens in utf-16.txt': Buffer.from(`\ufeff${tokens}`, 'utf16le'),
  'bearer in a script.js': `{ authorization: 'Bearer ${site.token}' }`,
  'bearer in utf-16.txt': Buffer.from(`\ufeffx ${site.token}\r\n`, 'utf16le'),
  'tokens behind others.txt': JSON.stringify({ tokens: ['a', null, ...JSON.parse(tokens).tokens] }),
};
/** Harmless files that resemble secrets. */
const content: Record<string, string | Buffer> = {
  'certificate.pem': await readFile(site.certificate),
  'certificate.der': openssl('x509', '-in', site.certificate, '-outform', 'DER'),
  'public.pem': openssl('ec', '-in', ec, '-pubout'),
  'public.der': openssl('ec', '-in', ec, '-pubout', '-outform', 'DER'),
  'id_ed25519.pub': 'ssh-ed25519 AAAA',
  'hls.key': Buffer.alloc(16, 7),
  'talk.key': 'PK\x03\x04a document of Keynote',
  'tokens.json': '{"tokens":["a","b"]}',
  'large program': Buffer.concat([Buffer.from('-----BEGIN PRIVATE KEY-----\0'), Buffer.alloc(2 ** 20)]),
  'large script.js': `'-----BEGIN PRIVATE KEY-----\\n' + text\n${'#'.repeat(2 ** 20)}`,
  'base64url.txt': `AAAA${site.token}AAAA`,
  'about tokens.html': 'tokens begin with sgt_',
  'shadow.css': 'p { text-shadow: none }',
  'about keys.html': 'how to keep your private key safe',
};

test('private keys, tokens and passwords are left out by content and by name', async () => {
  const { status, stderr, names } = await imported({ ...keys, ...content }, '--hidden');
  assert.equal(status, 1);
  assert.deepEqual(names, Object.keys(content).sort());
  const named = stderr.split('\n').filter((line) => line.includes('--publish-secrets takes it'));
  assert.equal(named.length, Object.keys(keys).length, stderr);
  for (const name of Object.keys(keys)) assert.ok(stderr.includes(`/${name}: `), name);
});

test('files of passwords are left out by name, with or without a dot in front', async () => {
  const dotted = ['.htpasswd', '.netrc', '.npmrc', '.pgpass', '_netrc'];
  const passwords = [...dotted, 'htpasswd', 'netrc', 'npmrc', 'pgpass', 'etc/shadow', 'etc/shadow-'];
  const files = Object.fromEntries(passwords.map((name) => [name, 'x']));
  const { status, stderr, names } = await imported({ ...files, 'page.html': 'page' }, '--hidden');
  assert.deepEqual([status, names], [1, ['page.html']]);
  for (const name of passwords)
    assert.ok(stderr.includes(`/${name}: is called like a file of passwords, `), name);
  assert.equal((await imported(files, '--hidden', '--publish-secrets')).names.length, passwords.length);
});

test('keys and tokens are found in UTF-16, after a newline or mark, and before much text', async () => {
  const { status, stderr, names } = await imported({ 'page.html': 'page', ...disguised });
  assert.deepEqual([status, names], [1, ['page.html']]);
  for (const name of Object.keys(disguised)) assert.ok(stderr.includes(`/${name}: holds `), name);
});

for (const flag of ['--exclude', '--include']) {
  test(`${flag} with a glob that is too long ends with status 2`, async () => {
    const empty = join(site.dir, `folder for ${flag}`);
    await writeTree(empty, { a: 'a' });
    const { status, stderr } = await cli('import', empty, flag, '*'.repeat(70_000));
    assert.equal(status, 2, stderr.slice(0, 300));
    assert.match(stderr, new RegExp(`${flag} .*is no pattern`));
  });
}

test('--publish-secrets imports them', async () => {
  const { status, names } = await imported(keys, '--hidden', '--publish-secrets');
  assert.deepEqual([status, names], [0, Object.keys(keys).sort()]);
});

test('put refuses a private key', async () => {
  const { status, stderr } = await cli('put', ec, 'files/key');
  assert.equal(status, 1);
  assert.match(stderr, /ec\.pem: holds a private key, [^\n]*--publish-secrets/);
  assert.equal((await cli('put', ec, 'files/key', '--publish-secrets')).status, 0);
});

test("the site's own folder, its store and what is below another store are not imported", async () => {
  const own = await cli('import', site.dir, '--publish-secrets');
  assert.match(own.stderr, /: is the folder of this site, /);
  const inside = await cli('import', join(site.dir, 'store', 'blobs'), '--publish-secrets');
  assert.match(inside.stderr, /: is in the store of this site, /);
  assert.deepEqual([own.status, inside.status], [1, 1]);

  const above = join(site.dir, 'above');
  await writeTree(above, { 'page.html': 'page' });
  await cp(join(site.dir, 'store'), join(above, 'copy of a store'), { recursive: true });
  const moved = await createSite();
  await cp(moved.dir, join(above, 'site'), { recursive: true });
  await moved.remove();
  const config = join(above, 'site', 'sealgate.json');
  const { status, stdout } = await outcome(spawnCli(['import', above, '--config', config]));
  assert.equal(status, 0);
  assert.match(stdout, /^1 folders were left out that are stores/m);
  assert.match(stdout, /^1 files and folders of this site were left out/m);
  assert.deepEqual(Object.keys(await bucketDigests(join(above, 'site', 'store'), 'files')), ['page.html']);
});
