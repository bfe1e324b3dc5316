// What is wrong with a change of the rollout, told by the flags that gave it before anything is sent.

import type * as z from 'zod';
import { askedChangeSchema, reasonSchema } from '../config/rollout.ts';
import { faultOf } from '../faults.ts';
import { UsageError } from './say.ts';

/** What gives each field of a change on the command line. */
const flags: Record<string, string> = {
  phase: 'phase',
  why: '--why',
  percent: '--percent',
  control: '--control-group',
  'slice.clients': '--client',
  'slice.serverNames': '--server-name',
  'slice.listeners': '--listener',
  'slice.protocols': '--protocol',
  'slice.ciphers': '--cipher',
  'slice.minBytes': '--min-bytes',
};

/** Throws UsageError for a change that no server takes. */
export function checkChange(asked: unknown): void {
  check(asked, askedChangeSchema, (path) => {
    const field = path.slice(0, path[0] === 'slice' ? 2 : 1).join('.');
    return flags[field] ?? field;
  });
}

export function checkReason(why: string): void {
  check(why, reasonSchema, () => '--why');
}

function check(asked: unknown, schema: z.ZodType, flagOf: (path: PropertyKey[]) => string): void {
  const issue = schema.safeParse(asked).error?.issues[0];
  if (issue !== undefined) throw new UsageError(`${flagOf(issue.path)}: ${faultOf(asked, issue)}`);
}
