// A process that says too late what it has to say: it was killed, and what arrives of it counts no more.

import assert from 'node:assert/strict';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { pino } from 'pino';
import { addon } from '../../src/native/addon.ts';
import { awaitSuccessor, type SuccessorParts } from '../../src/server/replacement/successors.ts';
import { Talk } from '../../src/server/replacement/talk.ts';
import { until } from '../support/wait.ts';

const folder = await mkdtemp(join(tmpdir(), 'sealgate-test-'));
const lock = await open(join(folder, 'lock'), 'w');
after(async () => {
  await lock.close();
  await rm(folder, { recursive: true });
});

/** Milliseconds. */
const patience = 200;

test('a process that serves after it was killed for being late: the server goes on', async () => {
  const happened: string[] = [];
  const happens = (what: string) => () => void happened.push(what);
  const successors = awaitSuccessor({
    store: {
      root: folder,
      succession: {
        offer: async () => ({ locks: [addon.fileOf(lock.fd)], staging: ['staging'] }),
        goOn: async () => void happened.push('goes on writing'),
        leave: happens('leaves the store'),
      },
    },
    turn: { pause: async () => {}, goOn: happens('changes go on') },
    background: { pause: async () => {}, resume: async () => void happened.push('background goes on') },
    sockets: () => ({ files: [], names: [], paths: [] }),
    failed: happens('failed'),
    log: pino({ level: 'silent' }),
    patience,
  } as unknown as SuccessorParts);
  void successors.replaced.then(happens('replaced'));

  const other = new Talk(addon.connectToPeer(folder, 'replace.sock'));
  await other.say({ hello: { protocol: 2, version: '9.9.9', format: 2, beside: [2] } });
  assert.match((await other.hearAny())?.text ?? '', /"offer"/);
  await other.say({ ready: true });
  assert.match((await other.hearAny())?.text ?? '', /"go"/);
  // A process does not kill itself: this one can say what arrives when a server was stopped meanwhile.
  await setTimeout(3 * patience);
  await other.say({ serving: true });
  await setTimeout(patience);
  // As one that is killed does.
  other.close();
  await until(
    () => happened,
    (all) => all.includes('background goes on'),
    'the server that goes on',
  );
  assert.deepEqual(happened, ['goes on writing', 'changes go on', 'background goes on']);
  successors.close();
});
