// Invalid arguments end with status 2, one line that says what is wrong, and a hint to --help; nothing is
// changed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';

const wrong: [string[], string, string][] = [
  [['nope'], "unknown command 'nope'", 'sealgate'],
  [['imprt', '.'], "unknown command 'imprt'", 'sealgate'],
  [['bucket', 'remove'], "unknown command 'remove'", 'sealgate bucket'],
  [['--nope'], "unknown option '--nope'", 'sealgate'],
  [['ls', 'files', '--nope'], "unknown option '--nope'", 'sealgate ls'],
  [['serve', '--workers'], "option '--workers <n>' argument missing", 'sealgate serve'],
  [['ls'], "missing required argument 'bucket[/prefix]'", 'sealgate ls'],
  [['put', 'file'], "missing required argument 'ref'", 'sealgate put'],
  [['token', 'add'], "missing required argument 'scope'", 'sealgate token add'],
  [['token', 'add', 'write'], 'write: expected read:BUCKET or write:BUCKET', 'sealgate token add'],
  [
    ['token', 'add', 'read:*', '--days', 'x'],
    "--days: expected a number above 0, at most 365000, got 'x'",
    'sealgate token add',
  ],
  [['token', 'add', 'read:*', '--label', ''], '--label: expected 1 to 200 characters', 'sealgate token add'],
  [['get', 'files/a', 'files/b'], "too many arguments for 'get'", 'sealgate get'],
];

for (const [args, fault, command] of wrong) {
  test(`sealgate ${args.join(' ')}: ${fault}`, async () => {
    const { status, stdout, stderr } = await outcome(spawnCli(args));
    assert.deepEqual([status, stdout], [2, '']);
    const [first = '', ...rest] = stderr.trimEnd().split('\n');
    assert.ok(first.startsWith(`sealgate: ${fault}`), first);
    assert.equal(rest.at(-1), `('${command} --help' lists its arguments)`);
    assert.ok(rest.length <= 2, stderr);
  });
}
