// The content of a blob as an answer: its bytes, or while its file is being proved what is recorded of it.

import { setTimeout } from 'node:timers/promises';
import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Answer, type Delivery, deliver, describe, problem, problemFrom } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { SealRecord } from '../../native/addon.ts';
import type { Services } from './services.ts';

/** @param record by `recorded` of the store: a promise while the blob is being proved. */
export function content(
  services: Pick<Services, 'store' | 'log'>,
  request: EngineRequest,
  digest: string,
  record: SealRecord | Promise<SealRecord>,
  how: Delivery,
): Answer | Promise<Answer> {
  return record instanceof Promise
    ? whileProved(services, request, digest, record, how)
    : deliver(record, how);
}

// Milliseconds in which a small file is hashed, and one that cannot be reached is found to be so.
const shortly = 200;

// Bytes wait for the proof, though not for long; what needs none waits no longer than a small file takes.
async function whileProved(
  { store, log }: Pick<Services, 'store' | 'log'>,
  request: EngineRequest,
  digest: string,
  proof: Promise<SealRecord>,
  how: Delivery,
): Promise<Answer> {
  const known = store.blob(digest);
  const needsNoBytes = request.head || request.headers.get('if-none-match')?.includes(digest) === true;
  try {
    const record = await (known && needsNoBytes ? Promise.race([proof, setTimeout(shortly)]) : proof);
    if (record) return deliver(record, how);
    return describe({ digest, size: known?.size ?? 0 }, how, problem('proof-under-way'));
  } catch (error) {
    const late = error instanceof SealgateError && error.code === 'proof-under-way';
    if (!known || !late) throw error;
    return describe({ digest, size: known.size }, how, problemFrom(error, log));
  }
}
