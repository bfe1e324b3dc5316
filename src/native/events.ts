// Events of the engine out of the batches that it hands over.

import type { EngineEvent, EventBatch, RequestEvent } from './addon.ts';

/** Words of a request, in native/node/reactor.cc's order. */
const requestWords = 12;

export function forEachEvent(batch: EventBatch, on: (event: EngineEvent) => void): void {
  for (let at = 0; at < batch.length; ) {
    const first = batch[at];
    if (typeof first === 'object') {
      on(first);
      at += 1;
    } else {
      on(requestAt(batch, at));
      at += requestWords;
    }
  }
}

function requestAt(batch: EventBatch, at: number): RequestEvent {
  return {
    kind: 'request',
    reactor: batch[at] as number,
    request: batch[at + 1] as number,
    mount: batch[at + 2] as number,
    codings: batch[at + 3] as number,
    method: batch[at + 4] as string,
    target: batch[at + 5] as string,
    head: batch[at + 6] as string,
    authority: batch[at + 7] as string,
    hasBody: batch[at + 8] as boolean,
    subject: batch[at + 9] as string,
    name: batch[at + 10] as string,
    access: batch[at + 11] as string,
  };
}
