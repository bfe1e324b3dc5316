// Send: a request whose answer is small: a record of a name in an S3-compatible store, an upload, an audit.
// It is tried again when it may go well then, so what is asked has to be the same when it is done twice.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { Patience } from '../patience.ts';
import { Fault } from './fault.ts';
import type { SendTask, Sent } from './fetching.ts';
import { type Agents, sendTo, shownOf } from './source.ts';

/** Milliseconds before the second attempt; each further wait is twice as long. */
const firstWait = 100;
/** Bytes: more than any record has, and what is said of an error. */
const mostOfRecord = 64 * 1024;
const noBody = createHash('sha256').update('').digest('hex');
const answers = [200, 204, 206, 304, 404, 412];

export async function sendTask(task: SendTask, agents: Agents, signal: AbortSignal): Promise<Sent> {
  const { speaking } = task;
  // Also on a further connection, where the one that was kept broke off: within an attempt.
  let bodies = 0;
  const sends = () => bodies++;
  for (let attempts = 1; ; attempts++)
    try {
      const answered = await attempt(task, agents, { signal, sends });
      const times = Math.max(attempts, bodies);
      return { kind: 'answered', ...answered, bytes: answered.text.length, attempts: times };
    } catch (error) {
      const { fault, message, passes } = error instanceof Fault ? error : diskFault(error);
      if (!passes || task.counts || attempts >= speaking.attempts || signal.aborted)
        return { kind: 'failed', fault, message, bytes: 0, attempts };
      const [spread = 0] = crypto.getRandomValues(new Uint8Array(1));
      const ms = (firstWait * 2 ** (attempts - 1) * (256 + spread)) / 512;
      await wait(ms, undefined, { signal }).catch(() => {});
    }
}

function diskFault(error: unknown): Fault {
  return new Fault('disk', (error as Error).message);
}

async function attempt(
  { method, url, speaking, fields, body, counts, mostText = mostOfRecord, alsoAnswers = [] }: SendTask,
  agents: Agents,
  { signal, sends }: { signal: AbortSignal; sends(): void },
) {
  const send = (request: ClientRequest, note: () => void) => {
    sends();
    if (body) write(request, body, note);
  };
  const response = await sendTo(
    url,
    {
      ...(speaking.s3 && !counts ? describing(method, body) : lengthOf(body)),
      ...shownOf(speaking),
      ...fields,
    },
    { method, ...(body && { body: send }), ...(counts && { counts }) },
    { speaking, agents, signal },
  );
  const text = method === 'HEAD' ? '' : await textOf(response, speaking.idleMs, mostText);
  const { statusCode: status = 0, headers } = response;
  const isAnswer = answers.includes(status) || alsoAnswers.includes(status);
  if (!isAnswer || (status === 404 && text.includes('<Code>NoSuchBucket<')))
    throw refusal(status, text, headers.date);
  const { etag, 'content-length': length } = headers;
  return {
    ...{ status, etag, text, ...(length !== undefined && { length: Number(length) }) },
    ...{ date: timeOf(headers.date), modified: timeOf(headers['last-modified']) },
  };
}

function timeOf(date: string | undefined): number | undefined {
  const time = Date.parse(date ?? '');
  return Number.isNaN(time) ? undefined : time;
}

function describing(method: string, body: SendTask['body']): Record<string, string> {
  if (!body)
    return { 'x-amz-content-sha256': noBody, ...(method.startsWith('P') && { 'content-length': '0' }) };
  if ('path' in body) return { 'content-length': `${body.size}`, 'x-amz-content-sha256': body.digest };
  return {
    'content-length': `${Buffer.byteLength(body.text)}`,
    'x-amz-content-sha256': createHash('sha256').update(body.text).digest('hex'),
  };
}

function lengthOf(body: SendTask['body']): Record<string, string> {
  if (!body) return {};
  return { 'content-length': `${'path' in body ? body.size : Buffer.byteLength(body.text)}` };
}

function write(request: ClientRequest, body: NonNullable<SendTask['body']>, note: () => void): void {
  if ('text' in body) {
    request.end(body.text);
    return;
  }
  if (body.size === 0) {
    request.end();
    return;
  }
  // Not more than was announced, should the file have grown.
  const { path, from: start = 0, size } = body;
  const file = createReadStream(path, { highWaterMark: 256 * 1024, start, end: start + size - 1 });
  file.on('data', note);
  request.on('drain', note);
  file.on('error', (error) => request.destroy(diskFault(error)));
  request.on('close', () => file.destroy());
  file.pipe(request);
}

/** Rejects with a Fault. */
export function textOf(response: IncomingMessage, idleMs: number, mostText = mostOfRecord): Promise<string> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let left = mostText;
    const fail = (fault: Fault) => {
      idle.end();
      reject(fault);
      response.on('error', () => {});
      response.destroy();
    };
    const idle = new Patience(idleMs, () =>
      fail(new Fault('late', 'it sent nothing more for too long', { passes: true })),
    );
    const cut = () => fail(new Fault('cut', 'its answer broke off', { passes: true }));
    response.on('data', (piece: Buffer) => {
      idle.note();
      left -= piece.length;
      if (left < 0) fail(new Fault('too-large', `its answer has more than ${mostText} bytes`));
      else pieces.push(piece);
    });
    response.on('error', cut);
    response.on('aborted', cut);
    response.on('end', () => {
      if (!response.complete) return cut();
      idle.end();
      resolve(Buffer.concat(pieces).toString());
    });
  });
}

/** What can be done about it, where that is known. */
const advice: Record<string, string> = {
  RequestTimeTooSkewed: 'the clocks of this server and of the store differ by more than 15 minutes',
  SignatureDoesNotMatch: 'the file "secretKey" does not belong to the one "accessKey"',
  InvalidAccessKeyId: 'it does not know the key in the file "accessKey"',
  AccessDenied: 'the key may not do this in the bucket',
  NoSuchBucket: 'its bucket is not there; make it first',
  XAmzContentSHA256Mismatch: 'other bytes have arrived there than were sent',
};

function refusal(status: number, text: string, date: string | undefined): Fault {
  const code = /<Code>(\w{1,64})<\/Code>/.exec(text)?.[1];
  const known = code !== undefined && Object.hasOwn(advice, code) ? advice[code] : undefined;
  const when = code === 'RequestTimeTooSkewed' && date !== undefined ? `; it says ${date}` : '';
  const why = known === undefined ? '' : `: ${known}${when}`;
  const passes = status === 429 || status === 408 || (status >= 500 && status !== 501) || status === 409;
  return new Fault(passes ? 'status' : 'refused', `it answered ${status}${code ? ` ${code}` : ''}${why}`, {
    passes,
  });
}
