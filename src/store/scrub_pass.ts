// ScrubPass: the state of the scrubber's pass and its findings, in a file of the store, so that a restart
// continues the pass. When the file cannot be read the pass begins anew, which costs only time.

import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from '../durable_file.ts';
import { readRegular } from '../regular_file.ts';

/**
 * damaged: the blob was withdrawn. unsteady: its bytes were wrong at first and right when read again.
 * missing, unreadable: the blob is not delivered, and stays. wrong-mode: the mode was set right. adopted: a
 * file without a record was right and is recorded now. misplaced: such a file was wrong and is in quarantine.
 * removed: it was of a forgotten blob. foreign: a file that is not the store's was left alone.
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

/** Most faults that are remembered one by one; further ones are only counted. */
export const mostStanding = 1000;

const stateSchema = z.object({
  /** The pass under way, and behind which digest, or which first folder, it goes on. */
  pass: passSchema.extend({ phase: z.enum(['blobs', 'files']), after: z.string().max(64) }).optional(),
  /** The last complete pass. */
  last: passSchema.extend({ ended: z.number() }).optional(),
  /** Faults that nobody has mended since they were found. */
  standing: z.array(findingSchema).max(mostStanding),
});
export type PassUnderWay = NonNullable<z.infer<typeof stateSchema>['pass']>;
export type ScrubState = z.infer<typeof stateSchema>;

/** Most bytes of the file, enough for findings with long paths. */
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
