// A name overwritten within a second: a conditional request with the first version's date gets the second
// version, never 304.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../../support/server.ts';

const site = await createSite();
const settings = JSON.parse(await readFile(site.config, 'utf8'));
await writeFile(site.config, JSON.stringify({ ...settings, buckets: { live: 'versioned' } }));
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

test('If-Modified-Since with the date of the version before: 200 with the new bytes', async () => {
  for (let round = 0; round < 5; round++) {
    const path = `/o/live/now-${round}`;
    const [first, second] = [`first ${round}`, `second ${round}`].map((text) => ({
      text,
      file: join(site.dir, text.replace(' ', '-')),
    }));
    if (!first || !second) return;
    for (const { file, text } of [first, second]) await writeFile(file, text);
    await server.put(path, first.file);
    const dated = (await server.curl(path)).headers.get('last-modified') ?? assert.fail('it has a date');
    await server.put(path, second.file);
    const { status, body } = await server.curl(path, '-H', `If-Modified-Since: ${dated}`);
    assert.equal(status, 200);
    assert.equal(body.toString(), second.text);
  }
});
