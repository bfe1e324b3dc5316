// The health path on the ports of content: 200 while the server should get traffic, 503 while it should not.
// It says as much as /readyz of the control plane, but, since strangers can ask, no reasons.

import type { Handle } from '../engine/bridge.ts';
import { respond } from '../engine/plan.ts';

type State = 'starting' | 'ready' | 'draining';

/** Milliseconds for which the result of the checks counts: anybody may ask, and checks look at the disk. */
const keptFor = 1000;

export interface Health {
  state(): State;
  /** Why the server should get no traffic, besides its state. */
  faults(): Promise<string[]>;
}

/** The application with the path before all sites. @param path empty: there is none. */
export function withHealth(handle: Handle, path: string, { state, faults }: Health): Handle {
  if (path === '') return handle;
  const ready = keptBriefly(async () => (await faults()).length === 0);
  return (request) => {
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (request.path !== path || !reads) return handle(request);
    const told = state();
    if (told !== 'ready') return answer(503, told);
    return ready().then((isReady) => (isReady ? answer(200, 'ready') : answer(503, 'not ready')));
  };
}

function answer(status: number, text: string) {
  const fields = [
    ['Content-Type', 'text/plain;charset=utf-8'],
    ['Cache-Control', 'no-store'],
  ] as const;
  return respond(status, fields, `${text}\n`);
}

function keptBriefly<T>(ask: () => Promise<T>): () => Promise<T> {
  let last: Promise<T> | undefined;
  let until = 0;
  return () => {
    const now = performance.now();
    if (last === undefined || now >= until) {
      last = ask();
      until = now + keptFor;
    }
    return last;
  };
}
