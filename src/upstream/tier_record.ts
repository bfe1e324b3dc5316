// TierRecord: what a name of a shared bucket points at, as the S3-compatible store has it: one small object
// of JSON for each name.

import * as z from 'zod';
import { SealgateError } from '../errors.ts';
import { digestSchema, digestsSchema, fieldMembers } from '../object_schema.ts';

const time = z.int().min(0);
const common = {
  format: z.literal(1),
  /** Tells whether what is there now is what somebody wrote whose answer was lost. */
  stamp: z.string().min(1).max(64),
  /** One more than that of the record before. */
  version: z.int().min(1),
  created: time,
};

const heldSchema = z.object({
  ...common,
  digest: digestSchema,
  digests: digestsSchema.optional(),
  size: z.int().min(0),
  /** Behind the digest in the key of the bytes, where collection was just deleting them under it alone. */
  place: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  mediaType: z.string().min(1).max(1024),
  fields: z.object(fieldMembers).optional(),
  modified: time.optional(),
  expires: time.optional(),
});
/** `last`: the bytes that it had; a write-once name takes no others later. */
const deletedSchema = z.object({ ...common, deleted: z.literal(true), last: digestSchema });

export type HeldRecord = z.infer<typeof heldSchema>;
export type TierRecord = HeldRecord | z.infer<typeof deletedSchema>;

/** A record that is to be written; who writes it adds the rest. */
export type NewRecord =
  | Omit<HeldRecord, 'format' | 'stamp' | 'version' | 'created'>
  | { deleted: true; last: string };

export function isDeleted(record: TierRecord): record is Extract<TierRecord, { deleted: true }> {
  return 'deleted' in record;
}

const schema = z.union([heldSchema, deletedSchema]);

/** Throws `upstream-unusable`. */
export function readRecord(text: string): TierRecord {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new SealgateError('upstream-unusable', 'A record in the shared store cannot be read.', { cause });
  }
}
