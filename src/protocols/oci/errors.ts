// Errors in the form of the OCI distribution specification: a list of codes, messages and details in JSON.

import type { Logger } from 'pino';
import { type Answer, problemFrom, refusing, respond } from '../../engine/plan.ts';
import { type ErrorCode, errors, SealgateError } from '../../errors.ts';
import type { RespondPlan, ResponseField } from '../../native/addon.ts';

type RegistryCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNKNOWN'
  | 'UNSUPPORTED';

/** What nothing is called where a route finds nothing. */
export type UnknownCode = Extract<
  RegistryCode,
  'BLOB_UNKNOWN' | 'BLOB_UPLOAD_UNKNOWN' | 'MANIFEST_UNKNOWN' | 'NAME_UNKNOWN'
>;

/** A refusal that only registries know. */
export class RegistryError extends Error {
  readonly status: number;
  readonly code: RegistryCode;
  readonly fields: readonly ResponseField[];

  constructor(status: number, code: RegistryCode, message: string, fields: readonly ResponseField[] = []) {
    super(message);
    this.status = status;
    this.code = code;
    this.fields = fields;
  }
}

/** What the errors of the server are to registries; `status` where they answer with another one. */
const known: Partial<Record<ErrorCode, { code: RegistryCode; status?: number }>> = {
  'digest-mismatch': { code: 'DIGEST_INVALID', status: 400 },
  'token-missing': { code: 'UNAUTHORIZED' },
  'token-unknown': { code: 'UNAUTHORIZED' },
  'scope-missing': { code: 'DENIED' },
  'address-denied': { code: 'DENIED' },
  'name-taken': { code: 'DENIED' },
  'target-invalid': { code: 'NAME_INVALID' },
  'body-too-large': { code: 'SIZE_INVALID' },
  'length-required': { code: 'SIZE_INVALID' },
  'method-not-allowed': { code: 'UNSUPPORTED' },
  'quota-reached': { code: 'DENIED' },
  'too-many-uploads': { code: 'TOOMANYREQUESTS' },
  'upload-busy': { code: 'BLOB_UPLOAD_INVALID' },
};
const missing: readonly ErrorCode[] = ['not-found', 'name-deleted', 'content-forgotten', 'bucket-unknown'];

export interface Refusing {
  unknown: UnknownCode;
  /** What a client is told that shows no valid token. */
  challenge(): readonly ResponseField[];
  log: Logger;
  request: string;
}

function refusal(error: unknown, { unknown, challenge, log, request }: Refusing): RespondPlan {
  if (error instanceof RegistryError)
    return registryAnswer(error.status, error.code, error.message, error.fields);
  const plan = problemFrom(error, log, request);
  const isMissing = missing.includes(plan.problem);
  const { code, status = plan.status } = isMissing
    ? { code: unknown, status: 404 }
    : (known[plan.problem] ?? { code: 'UNKNOWN' as const });
  const replaced = ['Content-Type', 'WWW-Authenticate', 'Cache-Control'];
  const rest = plan.fields.filter(([name]) => !replaced.includes(name));
  const challenges = status === 401 ? challenge() : [];
  const { source, detail } = errors[plan.problem];
  const said = source === 'client' && error instanceof SealgateError ? error.message : detail;
  return registryAnswer(status, code, said, [...rest, ...challenges]);
}

function registryAnswer(
  status: number,
  code: RegistryCode,
  message: string,
  fields: readonly ResponseField[],
): RespondPlan {
  const all: ResponseField[] = [
    ['Content-Type', 'application/json'],
    ['Cache-Control', 'no-store'],
    ...fields,
  ];
  return respond(status, all, `${JSON.stringify({ errors: [{ code, message, detail: {} }] })}\n`);
}

/** The answer, with what is refused now or after its body has come in the form of registries. */
export function withRefusals(ask: () => Answer | Promise<Answer>, how: Refusing): Promise<Answer> {
  return refusing(ask, (error) => refusal(error, how));
}
