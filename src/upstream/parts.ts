// Parts: an object that is too large for one PUT, as a multipart upload of an S3-compatible store. It
// compares each part with its digest; before it is told to put them together, all that was read of the file
// is compared with the digest of the whole. An upload that does not come to its end is aborted; one whose
// last answer was lost may have become the object, which is asked for then.

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { PartsTask, SendTask, Sent } from './fetching.ts';

/** Parts of one upload (S3). */
export const mostParts = 10_000;

type Send = (task: SendTask) => Promise<Sent>;
type Answered = Extract<Sent, { kind: 'answered' }>;

/** What went wrong, as the answer to the whole. */
class Failed extends Error {
  readonly sent: Sent;

  constructor(sent: Sent) {
    super('a part was not taken');
    this.sent = sent;
  }
}

export async function sendParts(task: PartsTask, send: Send): Promise<Sent> {
  let id: string | undefined;
  const ask = async (query: string, how: Omit<SendTask, 'url' | 'speaking'>): Promise<Answered> => {
    const sent = await send({ url: `${task.url}?${query}`, speaking: task.speaking, ...how });
    if (sent.kind === 'failed' || sent.status === 404) throw new Failed(refused(sent));
    return sent;
  };
  const abort = () =>
    send({
      ...{ method: 'DELETE', url: `${task.url}?uploadId=${id}`, speaking: task.speaking, fields: {} },
    });
  try {
    const type = { 'content-type': 'application/octet-stream' };
    const begun = await ask('uploads', { method: 'POST', fields: type });
    id = /<UploadId>([\w.~-]{1,1024})<\/UploadId>/.exec(begun.text)?.[1];
    if (id === undefined) throw new Failed(broken('it began no upload'));
    const completion = await allParts(task, id, ask);
    const fields = { 'if-none-match': '*', 'content-type': 'application/xml' };
    // COMMIT: the store puts them together.
    const whole = await send({
      ...{ method: 'POST', url: `${task.url}?uploadId=${id}`, speaking: task.speaking },
      ...{ fields, body: { text: completion } },
    });
    if (isInDoubt(whole)) return await inDoubt(task, whole, send);
    if (whole.kind === 'failed') throw new Failed(whole);
    if (whole.text.includes('<Error>')) throw new Failed(broken('it did not put the parts together'));
    // It had the object already, which others have sent meanwhile.
    if (whole.status === 412) await abort();
    return whole;
  } catch (error) {
    if (id !== undefined) await abort();
    if (error instanceof Failed) return error.sent;
    return { kind: 'failed', fault: 'disk', message: (error as Error).message, bytes: 0, attempts: 1 };
  }
}

/** Whether the parts may have become the object though the store does not say so: an answer may be lost. */
function isInDoubt(sent: Sent): boolean {
  if (sent.kind === 'failed') return sent.fault !== 'refused';
  // The upload is over when it is to be ended once more.
  return sent.status === 404;
}

// The upload is not aborted: the store may be at putting the parts together still.
async function inDoubt({ url, speaking, body: { size } }: PartsTask, sent: Sent, send: Send): Promise<Sent> {
  const found = await send({ method: 'HEAD', url, speaking, fields: {} });
  const isThere = found.kind === 'answered' && found.status === 200 && found.length === size;
  return isThere ? found : refused(sent);
}

/** Sends all parts, and resolves with what puts them together. */
async function allParts(
  { body: { path, digest, size }, partBytes }: PartsTask,
  id: string,
  ask: (query: string, how: Omit<SendTask, 'url' | 'speaking'>) => Promise<Answered>,
): Promise<string> {
  const whole = createHash('sha256');
  const parts: string[] = [];
  for (let from = 0; from < size; from += partBytes) {
    const part = { path, from, size: Math.min(partBytes, size - from) };
    const its = { ...part, digest: await hashOf(part, whole) };
    const number = parts.length + 1;
    const sent = await ask(`partNumber=${number}&uploadId=${id}`, { method: 'PUT', fields: {}, body: its });
    const tag = /^"?([\w-]{1,128})"?$/.exec(sent.etag ?? '')?.[1];
    if (tag === undefined) throw new Failed(broken('it told no ETag of a part'));
    parts.push(`<Part><PartNumber>${number}</PartNumber><ETag>"${tag}"</ETag></Part>`);
  }
  if (whole.digest('hex') !== digest) throw new Error(`${path} has other bytes than ${digest}`);
  return `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
}

async function hashOf(part: { path: string; from: number; size: number }, whole: Hash): Promise<string> {
  const hash = createHash('sha256');
  const { path, from, size } = part;
  const file = createReadStream(path, { highWaterMark: 256 * 1024, start: from, end: from + size - 1 });
  for await (const piece of file) {
    hash.update(piece);
    whole.update(piece);
  }
  return hash.digest('hex');
}

function broken(message: string): Sent {
  return { kind: 'failed', fault: 'refused', message, bytes: 0, attempts: 1 };
}

function refused(sent: Sent): Sent {
  return sent.kind === 'failed' ? sent : broken('it knows nothing of the upload');
}
