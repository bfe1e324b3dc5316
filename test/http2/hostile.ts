// What a server does with the frames of hostile.py, a case a test.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, root } from '../support/runtime.ts';
import { serve } from './support.ts';

/**
 * Runs a group of its cases against a server of their own, and compares each with what is expected.
 * @param expected what the server does, in the words of hostile.py.
 */
export async function meets(group: string, expected: Record<string, string>): Promise<void> {
  const served = await serve();
  after(served.stop);
  const script = join(root, 'test/http2/hostile.py');
  const { port } = new URL(served.clear);
  // Debian's python3-h2 is the system's Python's alone.
  const child = spawn('/usr/bin/python3', [script, port, group, served.site.token]);
  const { status, stdout, stderr } = await outcome(child);
  const lines: [string, string][] = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const found = Object.fromEntries(lines);

  test('all cases were tried, and others are answered', async () => {
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    assert.deepEqual(Object.keys(found), Object.keys(expected));
    assert.equal((await served.server.curl('/o/files/small')).status, 200);
  });
  for (const [name, wanted] of Object.entries(expected))
    test(`${name}: ${wanted}`, () => assert.equal(found[name], wanted));
}
