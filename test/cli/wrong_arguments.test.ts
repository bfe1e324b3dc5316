// Invalid arguments end with status 2, one line that says what is wrong, and a hint to --help; nothing is
// changed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';

const faultsOfChanges: [string[], string][] = [
  [['foo'], "phase: expected one of instrument, tx-canary, rx, hw-offload, got 'foo'"],
  [['rx', '--percent', '500'], "--percent: expected at most 100, got '500'"],
  [['--percent', '-1'], "--percent: expected at least 0, got '-1'"],
  [['--control-group', '51'], "--control-group: expected at most 50, got '51'"],
  [['--min-bytes', '1.5'], "--min-bytes: expected a whole number, got '1.5'"],
  [['--client', '192.0.2.0/40'], '--client: expected an IP address or a prefix like 192.0.2.0/24, got '],
  [['--server-name', 'a b'], '--server-name: expected a host name; '],
  [['--listener', 'nowhere'], '--listener: expected a URL like https://192.0.2.1:8443, got '],
  [['--protocol', 'SSLv3'], "--protocol: expected one of TLSv1.2, TLSv1.3, got 'SSLv3'"],
  [['--cipher', 'RC4'], '--cipher: expected one of AES-128-GCM, AES-256-GCM, '],
];

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
  ...faultsOfChanges.map(
    ([args, fault]) =>
      [['rollout', 'set', ...args, '--why', 'x'], fault, 'sealgate rollout set'] satisfies [
        string[],
        string,
        string,
      ],
  ),
  [['rollout', 'set', 'rx', '--why', ''], "--why: expected a reason, got ''", 'sealgate rollout set'],
  [['rollout', 'back', '--why', ''], "--why: expected a reason, got ''", 'sealgate rollout back'],
  ...[
    ['gc', '--control', 'http://127.0.0.1:1'],
    ['bucket', 'create', 'one', '--control', 'http://127.0.0.1:1'],
    ['rm', 'files/a', '--server', 'http://127.0.0.1:1'],
    ['ls', 'files', '--server', 'http://127.0.0.1:1'],
  ].map((args): [string[], string, string] => [
    [...args, '--store', '/nowhere'],
    `${args.at(-2)} and --store: give one`,
    ['sealgate', ...args.slice(0, args[0] === 'bucket' ? 2 : 1)].join(' '),
  ]),
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
