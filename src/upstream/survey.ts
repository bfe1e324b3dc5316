// A survey of a bucket: objects whose use is not known are noted as used when they came. That is what came
// before there was a bound, by an import, or shortly before a kill.

import type { Objects } from '../objects/objects.ts';
import type { Store } from '../store/store.ts';
import type { Bounds } from './bounds.ts';

/** Names that are looked at in one turn. */
const namesATime = 200;

/** @returns whether all names were looked at; not when it is told to end. */
export async function survey(
  { objects, store }: { objects: Pick<Objects, 'list'>; store: Pick<Store, 'eviction'> },
  bucket: string,
  { mayGo, ends }: { mayGo(...object: Parameters<Bounds['mayGo']>): boolean; ends(): boolean },
): Promise<boolean> {
  const { uses } = store.eviction;
  for (let after: string | undefined = ''; after !== undefined && !ends(); ) {
    const page = await objects.list(bucket, { prefix: '', after, limit: namesATime });
    for (const { name, fields, created } of page.entries)
      if (mayGo(name, fields) && uses.of(bucket, name) === undefined)
        uses.note(bucket, name, { at: created });
    after = page.next;
    await uses.flush();
  }
  return !ends();
}
