// ScrubPass: how far the scrubber has come and what it found, in a file beside the store's folders, so that a
// restart goes on in the middle. One that cannot be read is begun anew: nothing is lost but time.

import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from '../durable_file.ts';
import { readRegular } from '../regular_file.ts';

/**
 * damaged: withdrawn. unsteady: wrong when it was read, right when it was read again. missing, unreadable:
 * neither delivered nor condemned. wrong-mode: set right. adopted: a file without a record that was right.
 * misplaced: one that was wrong, and is in quarantine. removed: of a forgotten blob. foreign: left alone.
 */
export const findings = [
  'damaged',
  'unsteady',
  'missing',
  'unreadable',
  'wrong-mode',
  'adopted',
  'misplaced',
  'removed',
  'foreign',
] as const;
export type FindingState = (typeof findings)[number];

const count = z.int().min(0);
const findingSchema = z.object({
  state: z.enum(findings),
  /** Milliseconds since the epoch, when it was found last. */
  at: z.number(),
  digest: z.string().max(64).optional(),
  path: z.string().max(8192).optional(),
  detail: z.string().max(8192),
});
export type Finding = z.infer<typeof findingSchema>;

const passSchema = z.object({
  /** Milliseconds since the epoch. */
  began: z.number(),
  blobs: count,
  bytes: count,
  found: z.partialRecord(z.enum(findings), count),
});
export type Pass = z.infer<typeof passSchema>;

/** Faults remembered one by one; what is beyond them is in the counts alone. */
export const mostStanding = 1000;

const stateSchema = z.object({
  /** The pass under way, and behind which digest, or which first folder, it goes on. */
  pass: passSchema.extend({ phase: z.enum(['blobs', 'files']), after: z.string().max(64) }).optional(),
  /** The last whole one. */
  last: passSchema.extend({ ended: z.number() }).optional(),
  /** What was found and nobody has mended since. */
  standing: z.array(findingSchema).max(mostStanding),
});
export type PassUnderWay = NonNullable<z.infer<typeof stateSchema>['pass']>;
export type ScrubState = z.infer<typeof stateSchema>;

/** Bytes: of findings with long paths. */
const maxBytes = 16 * 1024 * 1024;

function fileOf(root: string): string {
  return join(root, 'scrub.json');
}

export async function readScrubState(root: string): Promise<ScrubState> {
  try {
    return stateSchema.parse(JSON.parse(await readRegular(fileOf(root), maxBytes)));
  } catch {
    return { standing: [] };
  }
}

export function writeScrubState(root: string, state: ScrubState): Promise<void> {
  return replaceFile(fileOf(root), `${JSON.stringify(state)}\n`);
}
