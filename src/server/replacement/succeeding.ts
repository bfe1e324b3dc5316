// Succeeding: the end of a running server: by a signal, or because another process has taken over from it.

import type { Logger } from 'pino';
import type { Config } from '../../config/config.ts';
import type { ControlListener } from '../../control/listener.ts';
import type { DeliveryPool } from '../../engine/pool.ts';
import { addressOf } from '../../engine/server_sockets.ts';
import { addon, type ListeningSockets, type OpenListener } from '../../native/addon.ts';
import type { GrowingUploads } from '../../objects/growing_uploads.ts';
import type { SharedObjects } from '../../objects/shared_objects.ts';
import type { Pausable } from '../../pause.ts';
import type { Store } from '../../store/store.ts';
import { withdraw } from '../announcement.ts';
import { lameDuck } from '../lame_duck.ts';
import { controlPlace } from '../sockets.ts';
import type { Predecessor } from './predecessor.ts';
import { awaitSuccessor, type SuccessorParts, type Successors } from './successors.ts';

/** Milliseconds after which a connection without a request is closed, once another process accepts. */
const idlePatience = 10_000;
/** Milliseconds in which requests to the control plane are answered, once another process answers them. */
const controlPatience = 2000;
/** Milliseconds between two looks at what is stale of the kept plans. */
const dropEvery = 1000;

/** What the server is about. */
export interface Life {
  state: 'starting' | 'ready' | 'draining';
}

export interface SucceedingParts {
  config: Config;
  store: Store;
  objects: SharedObjects;
  growing: GrowingUploads;
  /** What changes the store by itself, in the order in which it ends. */
  background: readonly Pausable[];
  pool: DeliveryPool;
  control: ControlListener;
  predecessor: Predecessor | undefined;
  life: Life;
  closeAll(): Promise<void>;
  log: Logger;
}

// A listener may have another name in the other's configuration, so its address says which one is meant. A
// socket that was passed in place of its address goes by the name that it was passed by.
function offeredAs(open: OpenListener, { listeners, control }: Config): string {
  const fixed = [...listeners, controlPlace(control)].filter(({ port, path }) => port !== 0 || path !== '');
  const own = fixed.find(({ name }) => name === open.name);
  return own && addressOf(own) !== addressOf(open) ? open.name : addressOf(open);
}

function offered(table: ListeningSockets, config: Config) {
  const all = table.all().flatMap((each) => each.fds.map((fd) => ({ fd, name: offeredAs(each, config) })));
  const paths = table.all().flatMap(({ path, ownsPath }) => (ownsPath ? [path] : []));
  return { files: all.map(({ fd }) => addon.fileOf(fd)), names: all.map(({ name }) => name), paths };
}

// A server that cannot be replaced serves all the same.
function successorsOf(what: SuccessorParts): Successors {
  try {
    return awaitSuccessor(what);
  } catch (error) {
    what.log.warn({ err: error }, 'no other process can take over from this one (serve --replace)');
    return { replaced: new Promise(() => {}), close: () => {} };
  }
}

export class Succeeding {
  readonly #parts: SucceedingParts;
  readonly #successors: Successors;
  readonly failed: Promise<string>;
  readonly replaced: Promise<{ pid: number }>;
  #isReplaced = false;
  #ending: Promise<void> | undefined;

  constructor(given: SucceedingParts) {
    this.#parts = given;
    const { store, objects, growing, pool, log } = given;
    const background = {
      pause: async () => {
        for (const part of given.background) await part.pause();
      },
      resume: async () => {
        for (const part of given.background.toReversed()) await part.resume();
      },
    };
    let failed = (_: string) => {};
    const ended = new Promise<string>((resolve) => {
      failed = resolve;
    });
    this.failed = Promise.race([store.ended, ended]);
    const sockets = () => offered(pool.table, given.config);
    const what = { store, turn: objects.turn, growing, background, sockets, failed, log };
    this.#successors = successorsOf(what);
    this.replaced = this.#successors.replaced.then((by) => {
      this.#isReplaced = true;
      pool.table.handOver();
      return by;
    });
  }

  /** See server.ts, as for `stop`. */
  readonly retire = async (): Promise<void> => {
    const { config, pool, control, predecessor, life } = this.#parts;
    life.state = 'draining';
    const dropping = setInterval(() => void pool.dropStalePlans(), dropEvery);
    const retired = pool.retire(idlePatience, config.drain.replacedSeconds * 1000);
    await Promise.all([control.close(controlPatience), retired]);
    clearInterval(dropping);
    await predecessor?.ended;
    await this.stop();
  };

  readonly stop = (atOnce = false): Promise<void> => {
    this.#ending ??= this.#stop(atOnce);
    return this.#ending;
  };

  async #stop(atOnce: boolean): Promise<void> {
    const { config, pool, control, life, closeAll, log } = this.#parts;
    life.state = 'draining';
    const lame = new AbortController();
    void this.replaced.then(() => lame.abort());
    if (!atOnce && !this.#isReplaced) await lameDuck(config, () => pool.windDown(), log, lame.signal);
    this.#successors.close();
    if (this.#isReplaced) await control.close();
    else await withdraw(config);
    await closeAll();
  }
}
