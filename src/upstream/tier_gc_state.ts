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

/** How often the state is looked at that others write meanwhile. */
const mostLooks = 8;

/**
 * Resolves when the state says that the round has begun, with this grace time. Rejects where another one is
 * recorded, and where others write the state again and again.
 */
export async function beginRound(send: Send, options: Beginning): Promise<Begun> {
  const { graceSeconds, dryRun, unlessWithin = 0 } = options;
  const stamps = new Set<string>();
  for (let look = 0; look < mostLooks; look++) {
    const sent = await send({ method: 'GET', path, fields: {} });
    const at = sent.date;
    if (at === undefined) throw new Error(`GET ${path}: its answer has no Date, by which ages are known`);
    const state = sent.status === 404 ? undefined : stateOf(sent);
    // It was written, and the answer was lost.
    if (state && stamps.has(state.stamp)) return { at, isOther: false };
    if (state) checkGrace(state.graceSeconds, options);
    if (unlessWithin > 0 && state && (sent.modified ?? 0) + unlessWithin * 1000 > at)
      return { at, isOther: true };
    if (dryRun) return { at, isOther: false };
    const stamp = crypto.randomUUID();
    stamps.add(stamp);
    const condition = state ? { 'if-match': sent.etag?.replaceAll('"', '') ?? '' } : { 'if-none-match': '*' };
    if (await write(send, { format: 1, graceSeconds, stamp }, condition)) return { at, isOther: false };
  }
  throw new Error(`PUT ${path}: others wrote it ${mostLooks} times meanwhile; try again later`);
}

function checkGrace(recorded: number, { graceSeconds, changesGrace = false }: Beginning): void {
  if (recorded === graceSeconds || changesGrace) return;
  throw new Error(
    `the grace time of this store is ${recorded} s (${path}), and "gc.shared.graceSeconds" is ` +
      `${graceSeconds}: set it to ${recorded} everywhere, or have 'sealgate gc --shared --change-grace' ` +
      `make it ${graceSeconds}`,
  );
}

/** @returns whether nobody else has written it meanwhile. */
async function write(
  send: Send,
  state: z.infer<typeof schema>,
  condition: Record<string, string>,
): Promise<boolean> {
  const fields = { ...condition, 'content-type': 'application/json' };
  const { status } = await send({ method: 'PUT', path, fields, body: { text: JSON.stringify(state) } });
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
