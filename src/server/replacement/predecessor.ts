// Predecessor: the running server that this process takes over from, and what it hands over.

import { existsSync } from 'node:fs';
import { readdir, readFile, stat, unlink } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import * as z from 'zod';
import { type Config, ConfigError } from '../../config/config.ts';
import { addressOf, leavesV4 } from '../../engine/server_sockets.ts';
import { addon, type ListeningSockets, type OpenFile } from '../../native/addon.ts';
import type { GrowingUploads } from '../../objects/growing_uploads.ts';
import type { SharedObjects } from '../../objects/shared_objects.ts';
import { holderOf } from '../../store/layout.ts';
import type { Store } from '../../store/store.ts';
import type { Inherited } from '../../store/succession.ts';
import { version } from '../../version.ts';
import { tellMain } from '../manager.ts';
import { controlPlace } from '../sockets.ts';
import { makeChangesOf } from './changes_over.ts';
import {
  besideFormats,
  go,
  type hello,
  isUnseen,
  type Offer,
  offer,
  protocol,
  refused,
  socketName,
  storeFormat,
  Talk,
  unseen,
} from './talk.ts';

/** Milliseconds in which the other process gives up an address. */
const addressPatience = 10_000;
/** Milliseconds in which a process that has the lock of the store hands over or ends. */
const holderPatience = 10_000;
/** Milliseconds between two looks at an address, and at who has the lock. */
const lookAgainAfter = 5;
const askAgainAfter = 50;

/** A store, and the user that root becomes. */
type Whose = Pick<Config, 'store' | 'user'>;

interface ServingParts {
  objects: SharedObjects;
  growing: GrowingUploads;
  store: Pick<Store, 'succession'>;
}

export class Predecessor {
  readonly #talk: Talk;
  readonly #offer: Offer;
  readonly #files: readonly OpenFile[];
  readonly #log: Logger;
  #sockets: ListeningSockets | undefined;
  /** Resolves when it has ended. Nothing of it is under way any more. */
  ended: Promise<void> = Promise.resolve();

  private constructor(talk: Talk, what: Offer, files: readonly OpenFile[], log: Logger) {
    this.#talk = talk;
    this.#offer = what;
    this.#files = files;
    this.#log = log;
  }

  /**
   * Has the server of a store hand over, if there is one. Undefined: there is none, or it has ended
   * meanwhile; this process starts as any other then. Rejects with ConfigError when it refuses.
   */
  static async of(config: Whose, log: Logger): Promise<Predecessor | undefined> {
    const { store } = config;
    const until = performance.now() + holderPatience;
    for (;;) {
      const talk = talkTo(store);
      const found = talk && (await Predecessor.#by(talk, config, log));
      if (found) return found;
      // One that takes over from another, or ends, has the lock for a while and awaits nobody.
      const holder = await holderOf(store);
      if (!holder) break;
      if (performance.now() >= until)
        throw new ConfigError(
          `--replace: the process that writes to the store does not hand over: ${holder.message}`,
        );
      await setTimeout(askAgainAfter);
    }
    log.info('no server of this store is running that could be replaced; this one starts by itself');
    return undefined;
  }

  // Undefined: the other process has ended.
  static async #by(talk: Talk, config: Whose, log: Logger) {
    const { uid, pid } = talk.peer;
    if (isUnseen(talk)) throw new ConfigError(`--replace: ${unseen}`);
    if (!(await isTrusted(talk.peer, config)))
      throw new ConfigError(
        `--replace: the running server is of user ${uid}; run this one as that user` +
          (config.user === '' ? ', or as root with --user' : ''),
      );
    const said = { protocol, version, format: storeFormat, beside: [...besideFormats] };
    log.info({ pid }, 'asks the running server to hand over');
    await talk.say({ hello: said } satisfies z.infer<typeof hello>).catch(() => {});
    const heard = await talk.hear(z.union([offer, refused]));
    if (!heard) {
      log.warn({ pid }, 'the running server has ended before it handed over');
      talk.close();
      await endOf(pid);
      return undefined;
    }
    if ('refused' in heard.message)
      throw new ConfigError(`--replace: the running server does not hand over: ${heard.message.refused}`);
    const { state, locks, sockets } = heard.message.offer.files;
    if (heard.files.length !== state + locks + sockets)
      throw new Error('--replace: the running server handed over another number of files than it said');
    log.info({ pid }, 'the running server hands over; this one opens the store');
    const shared = heard.files.slice(0, state);
    addon.adoptSharedState(shared);
    shared.forEach(addon.closeFile);
    return new Predecessor(talk, heard.message.offer, heard.files.slice(state), log);
  }

  get inherited(): Inherited {
    const { files, staging } = this.#offer;
    return { locks: this.#files.slice(0, files.locks), staging };
  }

  /**
   * The sockets of these listeners, as far as the other process has them and clients reach them. Others end
   * with it. Throws when one of them would serve less than its listener says.
   */
  socketsOf({ listeners, control }: Pick<Config, 'listeners' | 'control'>): ListeningSockets {
    const table = addon.listeningSockets();
    const all = [...listeners, controlPlace(control)];
    const wanted = new Set(all.flatMap((each) => [each.name, addressOf(each)]));
    const { files, sockets, paths } = this.#offer;
    refuseLostV4(listeners, sockets);
    // Nobody reaches a socket whose file was removed, so its listener gets another.
    const removed = paths.filter((path) => !existsSync(path));
    const unreachable = new Set(removed.map((path) => `unix:${path}`));
    for (const [index, file] of this.#files.slice(files.locks).entries()) {
      const name = sockets[index] ?? '';
      if (wanted.has(name) && !unreachable.has(name)) table.give(name, addon.takeFile(file));
      else addon.closeFile(file);
    }
    this.#sockets = table;
    return table;
  }

  // Before this process serves, the other one may have to go on with them.
  async #ownPaths(): Promise<void> {
    const taken = new Set(this.#sockets?.all().map(({ path }) => path));
    for (const path of this.#offer.paths)
      if (taken.has(path)) this.#sockets?.own(path);
      else await unlink(path).catch(() => {});
  }

  /**
   * The store is open. Resolves when this process may serve. If the other one has ended, nobody has to
   * allow it any more.
   */
  async ready(): Promise<void> {
    this.#closeLocks();
    await this.#talk.say({ ready: true }).catch(() => {});
    if (!(await this.#talk.hear(go)))
      this.#log.warn({ pid: this.#talk.peer.pid }, 'the server that is replaced has ended; this one goes on');
  }

  /** This process accepts. From now on it makes the changes of the other one, until that has ended. */
  async serving({ objects, growing, store }: ServingParts): Promise<void> {
    tellMain(this.#log);
    await this.#talk.say({ serving: true }).catch(() => {});
    await this.#ownPaths();
    this.ended = this.#makeChanges(objects, growing);
    for (const staging of this.#offer.staging) store.succession.living(staging, this.ended);
    const { version: its } = this.#offer;
    this.#log.info(
      { pid: this.#talk.peer.pid, version: its },
      'took over from the running server, which ends when its transfers have',
    );
  }

  // Where the two do not understand each other any more, its uploads fail, but still come.
  async #makeChanges(objects: SharedObjects, growing: GrowingUploads): Promise<void> {
    await makeChangesOf(this.#talk, objects, growing).catch((error) =>
      this.#log.error({ err: error }, 'the server that was replaced cannot be understood any more'),
    );
    this.#talk.close();
    while (!(await hasEnded(this.#talk.peer.pid))) await setTimeout(askAgainAfter);
  }

  close(): void {
    this.#closeLocks();
    this.#talk.close();
  }

  // Whoever has opened the store has descriptors of its own of them.
  #closeLocks(): void {
    this.inherited.locks.forEach(addon.closeFile);
  }
}

// A socket of [::] that was made beside a listener for IPv4 takes IPv6 alone, and cannot be changed.
function refuseLostV4(listeners: Config['listeners'], offered: readonly string[]): void {
  for (const { host, port } of listeners) {
    const v4 = offered.find((name) => /^[\d.]+:\d+$/.test(name) && name.endsWith(`:${port}`));
    if (host !== '::' || !v4 || !offered.includes(`[::]:${port}`)) continue;
    if (!leavesV4({ host, port }, listeners))
      throw new ConfigError(
        `listeners: [::]:${port} is for IPv6 alone in the running server, which has ${v4} as well; ` +
          'keep a listener of that address, or end the running server and start this one',
      );
  }
}

// Root becomes the user of the configuration. Whom the folder belongs to has put the socket there.
async function isTrusted(peer: Talk['peer'], { store, user }: Whose): Promise<boolean> {
  if (peer.isSameUser) return true;
  return process.geteuid?.() === 0 && user !== '' && (await stat(store)).uid === peer.uid;
}

function talkTo(root: string): Talk | undefined {
  try {
    return new Talk(addon.connectToPeer(root, socketName));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw new ConfigError(`--replace: the running server cannot be reached (${code})`, { cause: error });
  }
}

// A process that is killed still has some of its addresses a moment after its connection has ended.
async function endOf(pid: number): Promise<void> {
  const until = performance.now() + addressPatience;
  while (!(await hasEnded(pid)) && performance.now() < until) await setTimeout(lookAgainAfter);
}

/** Whether no thread is left that could have a file open (proc(5)). */
async function hasEnded(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const stats = threads.map((thread) =>
    readFile(`/proc/${pid}/task/${thread}/stat`, 'latin1').catch(() => ''),
  );
  return (await Promise.all(stats)).every((stat) => stat === '' || /^.*\) [ZX] /s.test(stat));
}
