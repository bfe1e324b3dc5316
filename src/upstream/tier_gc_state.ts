// The state of collection in a shared store: the grace time that all servers and commands agree upon, and
// when a round began last, which is when it was written.

import * as z from 'zod';
import type { Answered, Send } from './tier_marks.ts';

const path = 'gc/state';
const schema = z.object({
  format: z.literal(1),
  graceSeconds: z.number().min(0),
  stamp: z.string().min(1).max(64),
});

export interface Begun {
  /** By the store's clock, milliseconds since the epoch. */
  at: number;
  /** Whether another round began too lately. */
  isOther: boolean;
}

interface Beginning {
  graceSeconds: number;
  dryRun: boolean;
  changesGrace?: boolean;
  unlessWithin?: number;
}

/** Rejects where another grace time is recorded. */
export async function beginRound(send: Send, options: Beginning): Promise<Begun> {
  const { graceSeconds, dryRun, changesGrace = false, unlessWithin = 0 } = options;
  const sent = await send({ method: 'GET', path, fields: {} });
  const at = sent.date;
  if (at === undefined) throw new Error(`GET ${path}: its answer has no Date, by which ages are known`);
  if (sent.status === 404) {
    const isMine = dryRun || (await write(send, graceSeconds, { 'if-none-match': '*' }));
    return { at, isOther: unlessWithin > 0 && !isMine };
  }
  const { graceSeconds: recorded } = stateOf(sent);
  if (recorded !== graceSeconds && !changesGrace)
    throw new Error(
      `the grace time of this store is ${recorded} s (${path}), and "gc.shared.graceSeconds" is ` +
        `${graceSeconds}: set it to ${recorded} everywhere, or have 'sealgate gc --shared --change-grace' ` +
        `make it ${graceSeconds}`,
    );
  const { etag, modified = 0 } = sent;
  if (modified + unlessWithin * 1000 > at) return { at, isOther: true };
  if (dryRun) return { at, isOther: false };
  const isMine = await write(send, graceSeconds, { 'if-match': etag?.replaceAll('"', '') ?? '' });
  return { at, isOther: unlessWithin > 0 && !isMine };
}

/** @returns whether nobody else has written it meanwhile. */
async function write(send: Send, graceSeconds: number, condition: Record<string, string>): Promise<boolean> {
  const text = JSON.stringify({ format: 1, graceSeconds, stamp: crypto.randomUUID() });
  const fields = { ...condition, 'content-type': 'application/json' };
  const { status } = await send({ method: 'PUT', path, fields, body: { text } });
  return status === 200;
}

function stateOf({ status, text }: Answered) {
  try {
    if (status !== 200) throw new Error(`it is answered with ${status}`);
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`GET ${path}: the state of collection cannot be read`, { cause });
  }
}
