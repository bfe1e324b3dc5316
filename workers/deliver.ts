// A delivery worker: runs one reactor on this thread until it has drained. The thread belongs to the
// engine then.

import type { MessagePort } from 'node:worker_threads';
import { addon } from '../src/native/addon.ts';

export default function deliver({ reactor, started }: { reactor: number; started: MessagePort }): void {
  started.postMessage(reactor);
  addon.runReactor(reactor);
}
