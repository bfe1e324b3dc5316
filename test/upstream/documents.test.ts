// What upstreams say of their objects: Release files and indexes of apt, good and bad ones.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as zlib from 'node:zlib';
import { findPackage } from '../../src/upstream/documents/apt_packages.ts';
import { readRelease } from '../../src/upstream/documents/apt_release.ts';
import type { Document, Format } from '../../src/upstream/documents/document.ts';
import { readLines } from '../../src/upstream/documents/lines.ts';
import { readSimple } from '../../src/upstream/documents/pypi_simple.ts';
import { Documents } from '../../src/upstream/documents.ts';
import { temporaryFolder } from '../support/store.ts';

const dir = await temporaryFolder();
after(() => rm(dir, { recursive: true }));

let count = 0;
const digestOf = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
async function document(bytes: Buffer | string, format: Format = ''): Promise<Document> {
  const path = join(dir, `${count++}${format}`);
  await writeFile(path, bytes);
  return { path, digest: digestOf(bytes), format };
}
const packed = (text: string, program: string) =>
  execFileSync(program, ['-c'], { input: text, maxBuffer: 2 ** 28 });
const release = async (text: string) => readRelease(await document(text));

const hex = 'a'.repeat(64);
const good = `Date: Fri, 20 Nov 2026 10:00:00 UTC\nAcquire-By-Hash: yes\nSHA256:\n ${hex} 12 main/Packages\n`;

test('a Release file says its date and its files, within a signature too', async () => {
  const files = [{ path: 'main/Packages', sha256: hex, size: 12 }];
  const said = { date: Date.UTC(2026, 10, 20, 10), byHash: true, files };
  assert.deepEqual(await release(good), said);
  const signed =
    `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${good}-----BEGIN PGP SIGNATURE-----\n\n` +
    `x\n-----END PGP SIGNATURE-----\nSHA256:\n ${'b'.repeat(64)} 1 other\n`;
  assert.deepEqual(await release(signed), said);
});

test('a Release file that lists what is no file, two sizes of one, or no SHA-256 is refused', async () => {
  for (const path of ['../Packages', '/Packages', 'a//b', 'a/./b', '', 'a\u0001', 'x'.repeat(600)])
    await assert.rejects(release(`SHA256:\n ${hex} 12 ${path}\n`), /no file/, path);
  await assert.rejects(release(`SHA256:\n ${hex.slice(1)} 12 a\n`), /no file/);
  await assert.rejects(release(`SHA256:\n ${hex} -1 a\n`), /no file/);
  await assert.rejects(release(`SHA256:\n ${hex} 1 a\nMD5Sum:\n ${'0'.repeat(32)} 2 a\n`), /two sizes/);
  await assert.rejects(release(`MD5Sum:\n ${'0'.repeat(32)} 2 a\n`), /no Release file/);
  await assert.rejects(release('<html>log in</html>'), /no Release file/);
});

test('a Release file with more files than are taken is refused', async () => {
  const lines = Array.from({ length: 50_001 }, (_, at) => ` ${hex} 1 f${at}\n`);
  await assert.rejects(release(`SHA256:\n${lines.join('')}`), /more than 50000/);
});

const index = [
  ...['Package: a', 'Filename: ./pool/a_1.deb', `SHA256: ${hex}`, ''],
  ...['Package: s', 'Directory: pool/s', 'Checksums-Sha256:', ` ${'b'.repeat(64)} 1 s.dsc`],
  ...[` ${'c'.repeat(64)} 1 s.tar.xz`, 'Files:', ' x', ''],
].join('\n');

test('an index tells the digests of packages and files of sources, however it is compressed', async () => {
  const all = [
    await document(index),
    await document(packed(index, 'gzip'), '.gz'),
    await document(packed(index, 'xz'), '.xz'),
  ];
  const told = { 'pool/a_1.deb': hex, 'pool/s/s.dsc': 'b'.repeat(64), 'pool/s/s.tar.xz': 'c'.repeat(64) };
  for (const each of all)
    for (const [name, sha256] of Object.entries({ ...told, 'pool/none': undefined }))
      assert.deepEqual(await findPackage({ indexes: [each], name }), { sha256, unread: [] }, each.format);
});

test('an index that proved nothing under one ending is read again under another', async () => {
  const packedIndex = packed(`${index}\n`, 'gzip');
  const indexes = [await document(packedIndex), await document(packedIndex, '.gz')];
  assert.equal((await findPackage({ indexes, name: 'pool/a_1.deb' })).sha256, hex);
});

test('an index by zstd is read where the runtime unfolds it, and else is said to be unread', async () => {
  const indexes = [await document(packed(index, 'zstd'), '.zst')];
  const { sha256, unread } = await findPackage({ indexes, name: 'pool/a_1.deb' });
  if ('createZstdDecompress' in zlib) assert.deepEqual([sha256, unread], [hex, []]);
  else assert.match(`${sha256} ${unread}`, /^undefined .*does not unfold zstd/);
});

test('an index that breaks off, has other bytes, or is none is not read, and the next one is', async () => {
  const right = await document(packed(index, 'xz'), '.xz');
  const cut = packed(index.repeat(500), 'xz');
  const bad = [
    await document(cut.subarray(0, cut.length - 40), '.xz'),
    await document(packed(index, 'gzip').subarray(0, 60), '.gz'),
    await document('no xz', '.xz'),
    { ...(await document(index)), digest: hex },
    { ...right, path: join(dir, 'missing'), digest: 'd'.repeat(64) },
  ];
  const { sha256, unread } = await findPackage({ indexes: [...bad, right], name: 'pool/a_1.deb' });
  assert.deepEqual([sha256, unread.length], [hex, bad.length]);
});

test('what unfolds to more bytes than are taken is refused, and long lines are cut', async () => {
  for (const [program, format] of [
    ['gzip', '.gz'],
    ['xz', '.xz'],
  ] as const) {
    const bomb = await document(packed('x'.repeat(2 ** 24), program), format);
    await assert.rejects(
      readLines(bomb, 2 ** 20, () => {}),
      /more than 1048576 bytes/,
    );
    const lines: number[] = [];
    await readLines(bomb, 2 ** 25, (line) => lines.push(line.length));
    assert.deepEqual(lines, [64 * 1024]);
  }
});

test('a file that was cut on the disk is not read', async () => {
  const file = await document(index);
  await truncate(file.path, 10);
  await assert.rejects(
    readLines(file, 1000, () => {}),
    /other bytes/,
  );
});

test('an index with more than is taken is read once, however many files are looked for', async () => {
  const lines = Array.from({ length: 1_000_001 }, (_, at) => `Filename: ${at}\nSHA256: ${hex}\n\n`);
  const many = await document(lines.join(''));
  for (const name of ['1', '2']) {
    const { unread } = await findPackage({ indexes: [many], name });
    assert.match(unread.join(), /: it lists more than 1000000 files/);
    // Who reads it again finds nothing there.
    await rm(many.path, { force: true });
  }
});

test('a document that takes too long is given up, and the next one is read', async () => {
  const limits = { milliseconds: 50 };
  const documents = new Documents(limits);
  try {
    const large = join(dir, 'large');
    await writeFile(large, '');
    await truncate(large, 2 ** 30);
    const indexes = [{ path: large, digest: hex, format: '' as const }];
    const late = documents.read('findPackage', { indexes, name: 'pool/a_1.deb' });
    await assert.rejects(late, /findPackage took more than 0\.05 seconds/);
    limits.milliseconds = 60_000;
    const { path, digest } = await document(good);
    assert.equal((await documents.read('readRelease', { path, digest })).files.length, 1);
  } finally {
    await documents.close();
  }
});

test('a page of a Python project with elements in each other without end is refused', async () => {
  const page = async (text: string) => {
    const { path, digest } = await document(text);
    const from = { url: 'https://a.example/simple/x/', base: 'https://a.example/', hosts: [] };
    return readSimple({ path, digest, isJson: false, project: 'x', ...from });
  };
  const link = '<a href="/x-1.tar.gz">x</a>';
  assert.match((await page(`${'<div>'.repeat(500)}${link}`)).html, /x-1\.tar\.gz/);
  assert.match((await page(`${'<br>'.repeat(5000)}${link.repeat(5000)}`)).html, /x-1\.tar\.gz/);
  await assert.rejects(page('<a>'.repeat(2 ** 22)), /more than 1000 elements in each other/);
});
