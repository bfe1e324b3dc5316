// ffmpeg as an encoder that pushes to a server.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { outcome } from './runtime.ts';
import type { TestServer } from './server.ts';

/** Milliseconds in which the server takes what it has of a push that has ended. */
const patience = 10_000;
const mostTries = 3;

/**
 * Pushes until `path` has `mark`, the last thing that ffmpeg writes. When it ends it closes a connection with
 * answers unread: its kernel then drops what the server's has not acknowledged, which is the last file if the
 * server had no CPU for some milliseconds (Nagle's algorithm holds back its end). Such a push is made again.
 * @returns how often it was made again.
 */
export async function pushWhole(
  server: TestServer,
  args: readonly string[],
  path: string,
  mark: string,
): Promise<number> {
  let last = '';
  for (let again = 0; again < mostTries; again++) {
    const { status, stderr } = await outcome(spawn('ffmpeg', ['-nostdin', '-v', 'error', ...args]));
    assert.equal(status, 0, stderr);
    for (const end = performance.now() + patience; performance.now() < end; ) {
      last = (await server.curl(path)).body.toString();
      if (last.includes(mark)) return again;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  assert.fail(`${path}: ${mark} is missing in ${JSON.stringify(last)}`);
}
