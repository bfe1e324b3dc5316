// An answer of an upstream, by way of its redirects. Credentials are for the upstream's own origin alone.

import { type ClientRequest, Agent as HttpAgent, request as http, type IncomingMessage } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent, request as https } from 'node:https';
import { rootCertificates } from 'node:tls';
import { HttpsProxyAgent } from 'hpagent';
import { Patience } from '../patience.ts';
import { version } from '../version.ts';
import { checkHost, publicLookup } from './addresses.ts';
import { Fault, unreachable } from './fault.ts';
import type { Counting, ProxyServer, Speaking } from './fetching.ts';
import { signedFields, signedUrl } from './signature.ts';

const redirecting = [301, 302, 303, 307, 308];
/** Connections that wait to be used again, for each host and port. */
const idleConnections = 16;

/**
 * Connections of one upstream, which are used again. Where it redirects to, its authorities count beside the
 * public ones, and this server shows no certificate.
 */
export class Agents {
  readonly #plain: HttpAgent;
  readonly #own: HttpsAgent;
  readonly #elsewhere: HttpsAgent;
  /** Makes one whose connections are for a request each. */
  readonly #once: (isEncrypted: boolean) => HttpAgent;

  constructor({ ca, client, proxy }: Pick<Speaking, 'ca' | 'client' | 'proxy'>) {
    const kept = { keepAlive: true, maxFreeSockets: idleConnections };
    const secure = (own: AgentOptions) =>
      proxy
        ? new HttpsProxyAgent({ ...kept, ...own, ...connecting(proxy) })
        : new HttpsAgent({ ...kept, ...own });
    const own = { ...client, ...(ca !== undefined && { ca }) };
    this.#plain = new HttpAgent(kept);
    this.#own = secure(own);
    const once = { keepAlive: false };
    this.#once = (isEncrypted) => (isEncrypted ? secure({ ...own, ...once }) : new HttpAgent(once));
    this.#elsewhere = secure(ca !== undefined ? { ca: [ca, ...rootCertificates] } : {});
  }

  of({ protocol }: URL, isOwn: boolean): HttpAgent {
    if (protocol !== 'https:') return this.#plain;
    return isOwn ? this.#own : this.#elsewhere;
  }

  /** For a request to the upstream itself that is not to be sent again: Bun does on a used connection. */
  once({ protocol }: URL): HttpAgent {
    return this.#once(protocol === 'https:');
  }
}

function connecting({ url, authorization }: ProxyServer) {
  return {
    proxy: url,
    ...(authorization !== undefined && { proxyRequestOptions: { headers: proving(authorization) } }),
  };
}

const proving = (authorization: string) => ({ 'proxy-authorization': authorization });

/** What a request in the clear is by way of a proxy: one to it, for a whole URL (RFC 9112 3.2.2). */
function byProxy(url: URL, { url: proxy, authorization }: ProxyServer) {
  const { hostname: host, port } = new URL(proxy);
  const headers = { host: url.host, ...(authorization !== undefined && proving(authorization)) };
  return { to: { host, port: port || 80, path: url.href }, headers };
}

export interface Asking {
  speaking: Speaking;
  agents: Agents;
  /** Ends it, with the reason. */
  signal: AbortSignal;
}

/** A request that is no GET, or that has a body. */
export interface Sending {
  method: string;
  /** Sends the body and ends the request. @param note is called when some of it has left. */
  body?(request: ClientRequest, note: () => void): void;
  /** Then it is sent once: whoever needs another sends one that counts anew. */
  counts?: Counting;
}

/** The head of the answer to one request to the upstream itself. Rejects with a Fault. */
export function sendTo(
  url: string,
  fields: Record<string, string>,
  sending: Sending,
  asking: Asking,
): Promise<IncomingMessage> {
  return ask(new URL(url), fields, true, asking, sending);
}

/** The last head that redirects lead to, and whether the upstream itself sent it. Rejects with a Fault. */
export async function openSource(
  from: string,
  fields: Record<string, string>,
  asking: Asking & { method?: 'GET' | 'HEAD' | undefined },
): Promise<{ response: IncomingMessage; isOwn: boolean }> {
  const { speaking, method = 'GET' } = asking;
  const { origin } = new URL(speaking.base);
  let url = new URL(from);
  const passed = new Set<string>();
  for (;;) {
    const isOwn = url.origin === origin;
    const all = { ...fields, ...(isOwn && shownOf(speaking)) };
    const isTrusted = isOwn || isNamed(url.hostname, speaking.redirectsTo);
    const response = await ask(url, all, isTrusted, asking, {
      method: speaking.headAtHome && !isOwn ? 'GET' : method,
    });
    // Nobody else says where credentials are to be shown.
    if (!isOwn) delete response.headers['www-authenticate'];
    const { location } = response.headers;
    if (!redirecting.includes(response.statusCode ?? 0) || location === undefined) return { response, isOwn };
    response.destroy();
    passed.add(url.href);
    url = redirected(url, location);
    if (passed.has(url.href)) throw new Fault('redirect', `it redirects in a circle, by ${shown(url)}`);
    if (passed.size > speaking.redirects)
      throw new Fault('redirect', `it redirects more than ${speaking.redirects} times`);
  }
}

/** What requests to the upstream itself show; those to an S3-compatible store are signed instead. */
export function shownOf({ token, authorization }: Speaking): Record<string, string> {
  if (authorization !== undefined) return { authorization };
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

function redirected(from: URL, location: string): URL {
  if (!URL.canParse(location, from)) throw new Fault('redirect', 'it redirects to what is no URL');
  const to = new URL(location, from);
  if (to.protocol !== 'https:' && to.protocol !== 'http:')
    throw new Fault('redirect', `it redirects to ${to.protocol}`);
  if (from.protocol === 'https:' && to.protocol === 'http:')
    throw new Fault('redirect', `it redirects from https: to ${shown(to)}`);
  if (to.username !== '' || to.password !== '')
    throw new Fault('redirect', 'it redirects to a URL with a user name');
  to.hash = '';
  return to;
}

// Queries of signed URLs are as good as passwords, and this is for logs.
function shown({ origin, pathname }: URL): string {
  return origin + pathname;
}

function isNamed(host: string, names: readonly string[]): boolean {
  return names.some((name) => name === host || (name.startsWith('*.') && host.endsWith(name.slice(1))));
}

// One request. A connection that was used before may have been closed by the other side just now: that says
// nothing of the upstream, so it is asked once more, on another.
async function ask(
  url: URL,
  fields: Record<string, string>,
  isTrusted: boolean,
  asking: Asking,
  sending: Sending,
): Promise<IncomingMessage> {
  if (!isTrusted && asking.speaking.proxy)
    throw new Fault(
      'redirect',
      `it redirects to ${url.hostname}, which a proxy looks up; "redirectsTo" can name it`,
    );
  if (!isTrusted) checkHost(url.hostname);
  const { s3, base } = asking.speaking;
  const isOwn = url.origin === new URL(base).origin;
  for (let stale = 0; ; stale++) {
    const { method, counts } = sending;
    const to = s3 && counts ? await signedUrl(method, url, counts, s3) : url;
    const all = s3 && isOwn && !counts ? await signedFields(method, url, fields, s3) : fields;
    const asked = begin(to, all, isTrusted, asking, sending);
    try {
      return await asked.answer;
    } catch (error) {
      const isStale = !counts && asked.wasUsed() && stale <= idleConnections && !asking.signal.aborted;
      if (!isStale || error instanceof Fault) throw unreachable(error);
    }
  }
}

function begin(
  url: URL,
  fields: Record<string, string>,
  isTrusted: boolean,
  { speaking, agents, signal }: Asking,
  { method, body, counts }: Sending,
): { answer: Promise<IncomingMessage>; wasUsed(): boolean } {
  const isEncrypted = url.protocol === 'https:';
  const { promise: answer, resolve, reject } = deferred<IncomingMessage>();
  const by = speaking.proxy && !isEncrypted ? byProxy(url, speaking.proxy) : undefined;
  const usual = { 'user-agent': `sealgate/${version}`, 'accept-encoding': 'identity', accept: '*/*' };
  const asked = (isEncrypted ? https : http)(url, {
    method,
    agent: counts ? agents.once(url) : agents.of(url, url.origin === new URL(speaking.base).origin),
    headers: { ...usual, ...fields, ...by?.headers },
    ...by?.to,
    // For the proxy to answer CONNECT, as such a connection is of no request until then.
    ...(speaking.proxy && { timeout: speaking.connectMs }),
    ...(!isTrusted && { lookup: publicLookup }),
  });
  const late = (what: string) => () =>
    asked.destroy(new Fault('late', `it did not ${what} in time`, { passes: true }));
  let patience = new Patience(speaking.connectMs, late('connect'));
  const connected = () => {
    patience.end();
    patience = new Patience(speaking.firstByteMs, late('answer'));
  };
  const giveUp = () => asked.destroy(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  const settle = () => {
    patience.end();
    signal.removeEventListener('abort', giveUp);
  };
  asked.on('socket', (socket) => {
    if (asked.reusedSocket) connected();
    else socket.once(isEncrypted ? 'secureConnect' : 'connect', connected);
  });
  asked.on('error', (error) => {
    settle();
    reject(error);
  });
  asked.on('response', (response) => {
    settle();
    resolve(response);
  });
  if (body) body(asked, () => patience.note());
  else asked.end();
  return { answer, wasUsed: () => asked.reusedSocket };
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}
