// A blob that is changed in place during a download is not delivered to its end, whether its last bytes come
// from memory or from disk.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { text } from '../../support/runtime.ts';
import { createSite, TestServer } from '../../support/server.ts';
import { blobPath, sha256 } from '../../support/store.ts';
import { until } from '../../support/wait.ts';

/** More than the sockets between client and server can hold. */
const size = 40_000_000;
const site = await createSite();
const listeners = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, ...listeners, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});
const gate = join(site.dir, 'gate');
execFileSync('mkfifo', [gate]);

/** A client that reads until its pipe is full, and reads the rest on request. */
function receiveInSteps(url: string) {
  const receive = 'curl --silent --insecure "$0" | { read -r word <"$1"; wc --bytes; }';
  const reader = spawn('sh', ['-c', receive, url, gate]);
  const output = text(reader.stdout);
  const ended = once(reader, 'close');
  return {
    async goOn(): Promise<number> {
      await writeFile(gate, 'go on\n');
      await ended;
      return Number(output());
    },
  };
}

async function changeEnd(blob: string, drop: boolean): Promise<void> {
  await chmod(blob, 0o644);
  const file = await open(blob, 'r+');
  await file.write(Buffer.alloc(30_000, 'X'), 0, 30_000, size - 30_000);
  await file.sync();
  await file.close();
  await chmod(blob, 0o444);
  // Only the end, because readahead would bring more into memory.
  const from = Math.floor((size - 30_000) / 4096) * 4096;
  const reading = [`if=${blob}`, 'iflag=nocache,skip_bytes', `skip=${from}`, 'of=/dev/null', 'status=none'];
  if (drop) execFileSync('dd', reading);
}

for (const [index, protocol] of ['https', 'http'].entries()) {
  for (const drop of [false, true]) {
    test(`${protocol}, changed end ${drop ? 'on disk' : 'in memory'}: the download is cut off`, async () => {
      const content = randomBytes(size);
      const source = join(site.dir, 'content');
      await writeFile(source, content);
      const name = `/o/files/${protocol}-${drop}`;
      await server.put(name, source);
      const blob = blobPath(join(site.dir, 'store'), sha256(content));

      const received = receiveInSteps(`${server.urls[index]}${name}`);
      const sending = () => server.metric('sealgate_connections{state="sending"}');
      await until(sending, (connections) => connections === 1, 'a response under way');
      await changeEnd(blob, drop);
      assert.ok((await received.goOn()) < size);
      assert.notEqual((await server.curl(name)).status, 200);
    });
  }
}
