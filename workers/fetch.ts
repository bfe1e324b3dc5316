// A thread that fetches: many objects at a time, each from its upstream into a staging file.

import { askToken } from '../src/upstream/ask_token.ts';
import { download } from '../src/upstream/download.ts';
import { Fault } from '../src/upstream/fault.ts';
import type {
  Fetched,
  FetchTask,
  Offer,
  PartsTask,
  SendTask,
  Sent,
  Taking,
  TokenAnswer,
  TokenTask,
  Told,
} from '../src/upstream/fetching.ts';
import { sendParts } from '../src/upstream/parts.ts';
import { sendTask } from '../src/upstream/send.ts';
import { Agents } from '../src/upstream/source.ts';

/** By upstream, and by whom it is trusted. A reload may bring others; those before end with the thread. */
const agents = new Map<string, Agents>();

function agentsOf({ speaking: { base, ca, client, proxy } }: Pick<FetchTask, 'speaking'>): Agents {
  const name = [base, ca, client?.cert, client?.key, proxy?.url, proxy?.authorization].join('\n');
  const known = agents.get(name) ?? new Agents({ ca, client, proxy });
  agents.set(name, known);
  return known;
}

export default async function fetchObject(task: FetchTask): Promise<Fetched> {
  const { port, speaking } = task;
  const ending = new AbortController();
  const end = (why: Fault) => ending.abort(why);
  const late = setTimeout(
    () => end(new Fault('late', `it took longer than ${speaking.totalMs / 1000} s`)),
    speaking.totalMs,
  );
  let taken: (taking: Taking | undefined) => void = () => {};
  port.on('message', (told: Told) => {
    if ('take' in told) taken(told.take);
    else {
      end(new Fault('canceled', 'nobody waits for it any more'));
      taken(undefined);
    }
  });
  const offer = (offer: Offer) =>
    new Promise<Taking | undefined>((resolve) => {
      taken = resolve;
      port.postMessage(offer);
    });
  try {
    return await download(task, agentsOf(task), { offer, signal: ending.signal });
  } finally {
    clearTimeout(late);
    port.close();
  }
}

/** Sends one request to an S3-compatible store. */
export function send(task: SendTask): Promise<Sent> {
  return inTime(task, (signal) => sendTask(task, agentsOf(task), signal));
}

/** Asks the token server of a registry. */
export function token(task: TokenTask): Promise<TokenAnswer> {
  return inTime(task, (signal) => askToken(task, agentsOf(task), signal));
}

async function inTime<T>(
  { speaking: { totalMs } }: Pick<FetchTask, 'speaking'>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const late = setTimeout(
    () => ending.abort(new Fault('late', `it took longer than ${totalMs / 1000} s`)),
    totalMs,
  );
  try {
    return await work(ending.signal);
  } finally {
    clearTimeout(late);
  }
}

/** Sends an object in parts, of which each has the time of a request. */
export function sendInParts(task: PartsTask): Promise<Sent> {
  return sendParts(task, send);
}
