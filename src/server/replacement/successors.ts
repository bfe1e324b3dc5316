// Successors: how a running server lets another process take over from it: what it hands over and when, and
// that it goes on as if nothing had been when the other one fails.

import type { Logger } from 'pino';
import type * as z from 'zod';
import { addon, type OpenFile, type PeerSocket } from '../../native/addon.ts';
import type { GrowingUploads } from '../../objects/growing_uploads.ts';
import type { Turn } from '../../objects/turn.ts';
import type { Pausable } from '../../pause.ts';
import type { Store } from '../../store/store.ts';
import { version } from '../../version.ts';
import { ChangesOver } from './changes_over.ts';
import {
  type go,
  hello,
  isUnseen,
  protocol,
  ready,
  serving,
  socketName,
  storeFormat,
  Talk,
  unseen,
} from './talk.ts';

/** Milliseconds that the other process may take to say who it is. */
const helloPatience = 10_000;
/**
 * Milliseconds that it may take to open the store, and after that to serve: changes wait so long, and no
 * client does for more than `limits` allow. One that needs longer is killed, since only then nobody else
 * writes.
 */
const openPatience = 20_000;

export interface SuccessorParts {
  store: Pick<Store, 'root' | 'succession'>;
  turn: Turn;
  /** Uploads that may be read while they arrive. */
  growing: GrowingUploads;
  /** Work by itself that changes the store: it ends before another process may. */
  background: Pausable;
  /** The listening sockets, what each is, and the paths that have to be removed in the end. */
  sockets(): { files: OpenFile[]; names: string[]; paths: string[] };
  /** Milliseconds, in place of `openPatience`. */
  patience?: number;
  /** Called with the reason when only a new process can go on. */
  failed(why: string): void;
  log: Logger;
}

export interface Successors {
  /** Resolves with the process that has taken over. */
  replaced: Promise<{ pid: number }>;
  close(): void;
}

/** Awaits a process that wants to take over. The caller has the lock of the store. */
export function awaitSuccessor(parts: SuccessorParts): Successors {
  const socket = addon.listenForPeers(parts.store.root, socketName);
  const replaced = hearAll(socket, parts).finally(() => socket.close());
  return { replaced, close: () => socket.close() };
}

// One after another. Never resolves when the server ends before it is replaced.
async function hearAll(socket: PeerSocket, parts: SuccessorParts): Promise<{ pid: number }> {
  for (;;) {
    const accepted = await socket.accept().catch(() => undefined);
    if (!accepted) return new Promise(() => {});
    const talk = new Talk(accepted);
    const isReplaced = await handOver(talk, parts).catch((error) => {
      parts.log.error({ err: error }, 'the server could not be handed over; this process goes on');
      return false;
    });
    if (isReplaced) return { pid: talk.peer.pid };
    talk.close();
  }
}

async function handOver(talk: Talk, parts: SuccessorParts): Promise<boolean> {
  const { log, turn, background, store } = parts;
  const { pid, uid } = talk.peer;
  const refusal = await refusalOf(talk);
  if (refusal !== undefined) {
    log.warn({ pid, uid, why: refusal }, 'a process that wanted to take over was refused');
    await talk.say({ refused: refusal }).catch(() => {});
    return false;
  }
  log.info({ pid }, 'another process takes over; changes wait until it writes to the store');
  try {
    await background.pause();
  } catch (error) {
    await background.resume();
    throw error;
  }
  await turn.pause();
  try {
    if (await offerAll(talk, parts)) return true;
    log.error({ pid }, 'the process that was to take over has ended before it served; this one goes on');
  } catch (error) {
    log.error({ err: error, pid }, 'the process that was to take over failed; this one goes on');
    if (!(error instanceof Late)) kill(talk, log);
    // Whatever it has of the store's lock ends with it.
    while (await talk.hearAny());
  }
  try {
    await store.succession.goOn();
  } catch (error) {
    parts.failed(`the store cannot be written again: ${(error as Error).message}`);
    throw error;
  }
  turn.goOn();
  await background.resume();
  return false;
}

/** Why the process may not take over. */
async function refusalOf(talk: Talk): Promise<string | undefined> {
  const { isSameUser, uid } = talk.peer;
  if (isUnseen(talk)) return unseen;
  if (!isSameUser && uid !== 0)
    return `it runs as user ${uid}, and this server as user ${process.geteuid?.()}; run it as that user`;
  const late = setTimeout(() => talk.close(), helloPatience);
  const heard = await talk.hear(hello).finally(() => clearTimeout(late));
  if (!heard) return 'it did not say who it is';
  const { protocol: its, version: theirs, format, beside } = heard.message.hello;
  const stop = 'end this server and start the other one';
  if (its !== protocol)
    return `version ${theirs} hands over by protocol ${its}, and version ${version} by ${protocol}; ${stop}`;
  if (!beside.includes(storeFormat))
    return (
      `version ${theirs} writes format ${format} of the store, which version ${version} could not read ` +
      `while its transfers end; ${stop}`
    );
  return undefined;
}

// True: the other process serves. False: it has gone.
async function offerAll(talk: Talk, parts: SuccessorParts): Promise<boolean> {
  const { store, turn, growing, sockets, log } = parts;
  const { locks, staging } = await store.succession.offer();
  const state = addon.sharedState();
  const { files, names, paths } = sockets();
  const counts = { state: state.length, locks: locks.length, sockets: files.length };
  const all = [...state, ...locks, ...files];
  const offering = told(talk, { offer: { version, files: counts, staging, sockets: names, paths } }, all);
  if (!(await offering.finally(() => all.forEach(addon.closeFile)))) return false;
  if (!(await heardInTime(talk, ready, 'open the store', parts))) return false;
  if (!(await told(talk, { go: true } satisfies (typeof go)['_output']))) return false;
  if (!(await heardInTime(talk, serving, 'serve', parts))) return false;
  const over = new ChangesOver(talk);
  store.succession.leave();
  turn.goOn(over.make);
  void over.run(growing).catch((error) => {
    log.error({ err: error }, 'the process that has taken over cannot be understood any more');
    talk.close();
  });
  return true;
}

// False: it has gone, and its number may be another process's.
async function told(talk: Talk, message: object, files: readonly OpenFile[] = []): Promise<boolean> {
  try {
    await talk.say(message, files);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    return false;
  }
}

/** It was killed. It may have ended since, and its number may be another process's. */
class Late extends Error {}

// Kills a process that does not come so far.
async function heardInTime(
  talk: Talk,
  schema: z.ZodType,
  what: string,
  { patience = openPatience, log }: SuccessorParts,
): Promise<boolean> {
  let isLate = false;
  const late = setTimeout(() => {
    isLate = true;
    kill(talk, log);
  }, patience);
  const heard = await talk.hear(schema).finally(() => clearTimeout(late));
  // What it said in the meantime counts no more.
  if (isLate) throw new Late(`it did not ${what} within ${patience / 1000} seconds, and was killed`);
  return heard !== undefined;
}

// One that has ended already is killed in vain. Of one of root's, changes wait until somebody ends it.
function kill(talk: Talk, log: Logger): void {
  const { pid } = talk.peer;
  try {
    if (pid !== process.pid) process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
    log.error({ err: error, pid }, 'the process that was to take over cannot be killed; end it');
  }
}
