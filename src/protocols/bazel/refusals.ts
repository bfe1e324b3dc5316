// Refusals as Bazel shows them: a warning with the status and with the text of the body.

import type { Logger } from 'pino';
import { type Answer, problemFrom, refusing, respond } from '../../engine/plan.ts';
import { type ErrorCode, errors, SealgateError } from '../../errors.ts';
import type { RespondPlan } from '../../native/addon.ts';
import { MessageError } from '../../upstream/builds/messages.ts';

/** Where a build cache answers with another status than others do. */
const statuses: Partial<Record<ErrorCode, number>> = {
  'digest-mismatch': 400,
  // What was deleted may come again.
  'name-deleted': 404,
  'content-forgotten': 404,
  'bucket-unknown': 404,
};

/** An action result is there, and not all that it names. */
export class IncompleteError extends SealgateError {
  constructor() {
    super('not-found', 'The cache no longer has all that the result names.');
  }
}

const replaced = ['Content-Type', 'Cache-Control'];

/** In plain text: Bazel knows no other. */
export function plainAnswer(status: number, text: string, fields: RespondPlan['fields'] = []): RespondPlan {
  return respond(
    status,
    [['Content-Type', 'text/plain; charset=utf-8'], ['Cache-Control', 'no-store'], ...fields],
    `${text}\n`,
  );
}

export interface Refusing {
  log: Logger;
  request: string;
  /** Told of each refusal. */
  refused(status: number, error: unknown): void;
}

function refusal(error: unknown, { log, request, refused }: Refusing): RespondPlan {
  const plan = refusalOf(error, log, request);
  refused(plan.status, error);
  return plan;
}

function refusalOf(error: unknown, log: Logger, request: string): RespondPlan {
  if (error instanceof MessageError) return plainAnswer(400, error.message);
  const { problem, status, fields } = problemFrom(error, log, request);
  const { source, detail } = errors[problem];
  const text = source === 'client' && error instanceof SealgateError ? error.message : detail;
  const rest = fields.filter(([name]) => !replaced.includes(name));
  return plainAnswer(statuses[problem] ?? status, text, rest);
}

/** The answer; what is refused, now or after its body has come, is told in plain text. */
export function withRefusals(ask: () => Answer | Promise<Answer>, how: Refusing): Promise<Answer> {
  return refusing(ask, (error) => refusal(error, how));
}
