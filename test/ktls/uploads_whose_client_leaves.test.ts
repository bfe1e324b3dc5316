// A client sends a request with its body and closes without reading the response: every upload is stored,
// whether OpenSSL or the kernel opens the records.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { SecureVersion } from 'node:tls';
import { until } from '../support/wait.ts';
import { putAndLeave } from '../tls/support.ts';
import { modes, startServer } from './support.ts';

const versions: SecureVersion[] = ['TLSv1.2', 'TLSv1.3'];
const sizes = [1024, 16 * 1024, 80 * 1024, 1024 * 1024];
const each = 5;

for (const mode of modes) {
  test(`uploads in mode ${mode} are stored`, async () => {
    const { site, server } = await startServer(mode);
    try {
      const ca = await readFile(site.certificate);
      const port = Number(new URL(server.url).port);
      for (const version of versions) {
        const to = { ca, port, minVersion: version, maxVersion: version };
        for (const size of sizes) {
          const body = randomBytes(size);
          const digest = createHash('sha256').update(body).digest('hex');
          const names = Array.from({ length: each }, (_, i) => `/o/files/${version}/${size}/${i}`);
          await Promise.all(names.map((name) => putAndLeave(to, name, site.token, body)));
          for (const name of names) {
            const answer = async () => await server.curl(name, '-I');
            const { headers } = await until(answer, ({ status }) => status === 200, name);
            assert.match(headers.get('etag') ?? '', new RegExp(digest));
          }
        }
      }
    } finally {
      await server.stop();
      await site.remove();
    }
  });
}
