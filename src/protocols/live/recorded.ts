// Recorded: what is noted with a manifest, among the fields of its user, so that it is known after a restart
// and in another process. Readers do not get it.

import type * as z from 'zod';
import type { ObjectFields } from '../../object_fields.ts';

const names = { session: 'live-session', playlist: 'live-playlist' };
type Kind = keyof typeof names;

export function recordOf(kind: Kind, what: object): Record<string, string> {
  return { [names[kind]]: JSON.stringify(what) };
}

/** Undefined: there is none, or it was written by somebody else. */
export function recordIn<T>(
  fields: ObjectFields | undefined,
  kind: Kind,
  schema: z.ZodType<T>,
): T | undefined {
  return schema.safeParse(parsed(fields?.meta?.[names[kind]])).data;
}

/** The fields of an object as players see them. */
export function withoutRecords(fields: ObjectFields | undefined): ObjectFields | undefined {
  const meta = Object.entries(fields?.meta ?? {});
  const left = meta.filter(([name]) => !Object.values(names).includes(name));
  return left.length === meta.length ? fields : { ...fields, meta: Object.fromEntries(left) };
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}
