// RemoteServer: access to the objects of a running server over HTTP. Downloads are verified against the
// digest in the ETag; uploads carry their digest, which the server verifies.

import { randomUUID, X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import { rootCertificates } from 'node:tls';
import { furtherIn, isDigest, namesOf, reprDigest } from '../digest.ts';
import { isDefaultCaching } from '../engine/caching.ts';
import type { Hashed } from '../native/addon.ts';
import { allFields, differenceOf, fieldsIn, type Said } from '../object_fields.ts';
import type { ShownVersion } from '../protocols/objects/list_versions.ts';
import { objectPath } from '../protocols/objects/target.ts';
import { readNamed, streamRegular } from '../regular_file.ts';
import { type Announcement, nearUrl } from '../server/announcement.ts';
import type { Page, PutOutcome, VersionPage } from '../store/store.ts';
import type { Expiry } from '../store/time_to_live.ts';
import { HttpClient, maxAttempts, type Question, type Reply, type Trust } from './http_client.ts';
import { faultOf } from './http_faults.ts';
import { refusalOf } from './refusals.ts';
import { UsageError } from './say.ts';
import type { Found, Listed, Reference } from './site.ts';

/** Token and CA as given by flags or environment variables. */
export interface Credentials {
  tokenFile?: string | undefined;
  cacert?: string | undefined;
}

/** Most bytes of a token file; a token has 47. */
const maxToken = 4096;

/** `stored`: the server did not say whether the name had other bytes before. */
export type Outcome = PutOutcome | 'stored';

export class RemoteServer {
  readonly #http: HttpClient;

  private constructor(http: HttpClient) {
    this.#http = http;
  }

  /** @param site path of a certificate that is trusted besides the runtime's CAs, if the file exists. */
  static async at(url: string, given: Credentials & { site?: string | undefined }): Promise<RemoteServer> {
    const base = serverUrl(url);
    const own = given.site === undefined ? undefined : await textOf(given.site).catch(() => undefined);
    return new RemoteServer(new HttpClient(base, await trustOf(base, given, own)));
  }

  /**
   * The server that announced its address in the store. On loopback its certificate is checked for a name
   * that it contains.
   */
  static async beside(
    { listeners, certificate, objects }: Announcement,
    given: Credentials,
  ): Promise<RemoteServer> {
    const base = nearUrl(listeners);
    base.pathname = objects;
    const own = await textOf(certificate).catch(() => undefined);
    const trust = await trustOf(base, given, own);
    const servername = own === undefined ? undefined : nameFor(base, own);
    return new RemoteServer(new HttpClient(base, { ...trust, servername }));
  }

  get url(): string {
    return this.#http.url.origin;
  }

  close(): void {
    this.#http.close();
  }

  /** The object that a reference points at; undefined when there is none or it was deleted. */
  async find(reference: Reference): Promise<Found | undefined> {
    const reply = await this.#http.ask({ method: 'HEAD', path: withTags(reference) });
    if (reply.status === 404 || reply.status === 410) return undefined;
    return foundOf(expected(reply, [200], this.url), this.url);
  }

  /** Undefined when the token may not read the bucket. */
  async bucketExists(bucket: string): Promise<boolean | undefined> {
    const reply = await this.#http.ask({ method: 'GET', path: `/o/${bucket}/?limit=1` });
    if (reply.status === 401 || reply.status === 403) return undefined;
    if (reply.status === 404) return false;
    expected(reply, [200], this.url);
    return true;
  }

  /**
   * Rejects when the token may not write to the bucket, whether or not there is one. A deletion is asked for
   * that changes nothing, since it names nothing.
   */
  async checkMayWrite(bucket: string): Promise<void> {
    const path = objectPath({ bucket, name: `may-i-write-${randomUUID()}` });
    expected(await this.#http.ask({ method: 'DELETE', path }), [404], this.url);
  }

  /**
   * Uploads a file. Sends no body when the name already has these bytes with this type and these fields.
   * @param from the file, with the time of its last change in milliseconds since the epoch. The server
   *   records those of its further digests that HTTP has names for.
   */
  async put(
    to: { bucket: string; name: string },
    from: { path: string; modified?: number | undefined } & Hashed,
    said: Partial<Said> & { expires?: Expiry | undefined } = {},
  ): Promise<Outcome> {
    const { path, size, digest, digests, modified } = from;
    const promise = reprDigest(digest, digests);
    const head = await this.#http.ask({ method: 'HEAD', path: withTags(to) });
    // Where names expire, the same bytes are sent: they live anew.
    const mayPass = head.status === 200 && head.headers.sunset === undefined && said.expires === undefined;
    const there = mayPass && head.headers.etag === `"${digest}"`;
    const { mediaType, fields, expires } = said;
    const its = there ? foundOf(head, this.url) : undefined;
    const isTold = namesOf(furtherIn(promise)).every((name) => its?.digests?.[name] === digests?.[name]);
    if (its && isTold && differenceOf({ mediaType, fields }, { ...its, fields: its }) === undefined)
      return 'same';
    const body = { size, open: () => streamRegular(path, { end: Math.max(size - 1, 0), noLink: true }) };
    const type = mediaType === undefined ? {} : { 'content-type': mediaType };
    const time = modified !== undefined && { 'x-oc-mtime': String(Math.floor(modified / 1000)) };
    const all = allFields(fields ?? {});
    // Without a value it says that nothing is to be recorded any more.
    if (fields && all.length === 0) all.push(['Cache-Control', '']);
    const recorded = Object.fromEntries(all);
    const end = expiryHeaders(expires);
    const headers = { ...type, ...recorded, ...time, ...end, 'repr-digest': promise };
    const asked: Question = { method: 'PUT', path: objectPath(to), headers, body };
    const reply = expected(await this.#http.ask(asked), [200, 201], this.url);
    const { outcome } = JSON.parse(reply.text) as { outcome?: Outcome };
    if (outcome !== undefined) return outcome;
    if (reply.status === 201) return 'created';
    return head.status === 200 || head.status === 410 ? 'replaced' : 'stored';
  }

  /** Stores a text under a name that is new, or was deleted (200). False: there is something. */
  async create(
    to: { bucket: string; name: string },
    { path, size }: { path: string; size: number },
  ): Promise<boolean> {
    const body = { size, open: () => streamRegular(path, { end: Math.max(size - 1, 0), noLink: true }) };
    const headers = { 'if-none-match': '*', 'content-type': 'text/plain' };
    const reply = await this.#http.ask({ method: 'PUT', path: objectPath(to), headers, body });
    return expected(reply, [200, 201, 412], this.url).status !== 412;
  }

  async copy(
    from: Reference,
    to: { bucket: string; name: string },
    version?: number,
  ): Promise<{ outcome: Outcome; digest: string }> {
    const headers = { destination: objectPath(to, this.#http.prefix) };
    const path = pathOf(from) + (version === undefined ? '' : `?version=${version}`);
    const reply = await this.#http.ask({ method: 'COPY', path, headers });
    return JSON.parse(expected(reply, [200, 201], this.url).text);
  }

  /** Deletes a name. False when it did not exist. */
  async remove(bucket: string, name: string): Promise<boolean> {
    const reply = await this.#http.ask({ method: 'DELETE', path: objectPath({ bucket, name }) });
    if (reply.status === 404 && !reply.text.includes('bucket-unknown')) return false;
    expected(reply, [204], this.url);
    return true;
  }

  /** Changes many names of a bucket at once. @param entries as `PUT /o/BUCKET/` takes them. */
  async switchNames(bucket: string, entries: readonly object[]): Promise<void> {
    const list = Buffer.from(JSON.stringify({ entries }));
    const body = { size: list.length, open: () => Readable.from([list]) };
    expected(await this.#http.ask({ method: 'PUT', path: `/o/${bucket}/`, body }), [200], this.url);
  }

  /** One page of a bucket's names. */
  async list(
    bucket: string,
    { prefix, delimiter = '', after, limit }: Page,
  ): Promise<{ entries: Listed[]; prefixes?: string[]; next?: string }> {
    const how = delimiter === '' ? {} : { delimiter };
    const query = new URLSearchParams({ prefix, ...how, after, limit: String(limit) });
    const reply = await this.#http.ask({ method: 'GET', path: `/o/${bucket}/?${query}` });
    return JSON.parse(expected(reply, [200], this.url).text);
  }

  /** One page of the versions of names. */
  async versions(
    bucket: string,
    { name, prefix, after, limit }: VersionPage,
  ): Promise<{ versions: ShownVersion[]; next?: VersionPage['after'] }> {
    const query = new URLSearchParams({ versions: '', limit: String(limit) });
    if (name !== undefined) query.set('name', name);
    if (prefix) query.set('prefix', prefix);
    if (after) query.set('after', after.name);
    if (after?.version !== undefined) query.set('afterVersion', String(after.version));
    const reply = await this.#http.ask({ method: 'GET', path: `/o/${bucket}/?${query}` });
    const { versions, next } = JSON.parse(expected(reply, [200], this.url).text);
    return { versions, ...(next && { next: { name: next.after, version: next.afterVersion } }) };
  }

  /**
   * The bytes of an object. If the connection breaks, the download resumes, provided that the object is the
   * same.
   */
  async read(reference: Reference): Promise<Found & { bytes: AsyncGenerator<Buffer> }> {
    const path = withTags(reference);
    const response = await this.#open(path);
    const found = foundOf({ headers: response.headers }, this.url);
    return { ...found, bytes: this.#pieces(path, response, found) };
  }

  async *#pieces(path: string, first: IncomingMessage, { digest, size }: Found): AsyncGenerator<Buffer> {
    let [response, read]: [IncomingMessage, number] = [first, 0];
    for (let attempt = 1; ; attempt++) {
      const before = read;
      let cut: unknown = new Error(`the answer was cut off`);
      try {
        for await (const piece of this.#http.bytes(response)) {
          read += piece.length;
          yield piece;
        }
      } catch (error) {
        cut = error;
      }
      if (read === size) return;
      // An attempt that brought bytes resets the count: only fruitless attempts in a row lead to failure.
      if (read > before) attempt = 1;
      if (read > size || attempt >= maxAttempts) throw faultOf(cut, this.#http.url, `GET ${path}`);
      response = await this.#open(path, { range: `bytes=${read}-`, 'if-match': `"${digest}"` });
    }
  }

  async #open(path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
    const response = await this.#http.open({ method: 'GET', path, headers });
    const wanted = headers.range === undefined ? 200 : 206;
    if (response.statusCode === wanted) return response;
    const pieces: Buffer[] = [];
    for await (const piece of this.#http.bytes(response)) if (pieces.length < 16) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    throw refusalOf({ status: response.statusCode ?? 0, text }, this.url);
  }
}

function expiryHeaders(expires: Expiry | undefined): Record<string, string> {
  if (expires === undefined) return {};
  return 'at' in expires
    ? { 'x-delete-at': String(Math.ceil(expires.at / 1000)) }
    : { 'x-delete-after': String(Math.ceil(expires.after / 1000)) };
}

function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOfObject = url && /\/(?:o|sha256)(?:\/|$)/.test(url.pathname);
  const plain = url && !isOfObject && url.search === '' && url.hash === '' && url.username === '';
  if (plain && /^https?:$/.test(url.protocol)) return url;
  throw new UsageError(
    `--server ${text}: expected https://HOST:PORT or http://HOST:PORT, and behind it the path of an ` +
      'objects site where that is not /',
  );
}

async function trustOf(url: URL, given: Credentials, own: string | undefined): Promise<Trust> {
  const token = given.tokenFile === undefined ? process.env.SEALGATE_TOKEN : await tokenIn(given.tokenFile);
  if (token !== undefined && !/^[\x21-\x7e]*$/.test(token))
    throw new Error('$SEALGATE_TOKEN: expected one token, without blanks');
  const named = given.cacert === undefined ? undefined : await textOf(given.cacert);
  if (named !== undefined && !named.includes('-----BEGIN CERTIFICATE-----'))
    throw new Error(`${given.cacert}: holds no PEM certificate`);
  const trusted = named !== undefined ? [named] : own !== undefined ? [...rootCertificates, own] : undefined;
  return { token: token || undefined, ...(url.protocol === 'https:' && { ca: trusted }) };
}

async function textOf(file: string): Promise<string> {
  return (await readNamed(file)).toString();
}

async function tokenIn(file: string): Promise<string> {
  const text = (await textOf(file)).trim();
  if (text.length > 0 && text.length <= maxToken && /^[\x21-\x7e]+$/.test(text)) return text;
  throw new Error(`${file}: expected one token on one line, as 'sealgate token add' shows it`);
}

// If the certificate contains the IP address, no other name is needed; otherwise its first name is used.
function nameFor(url: URL, pem: string): string | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) === 0) return undefined;
  const certificate = new X509Certificate(pem);
  if (certificate.checkIP(host) !== undefined) return undefined;
  const name = /DNS:([^,\s]+)/.exec(certificate.subjectAltName ?? '')?.[1];
  return name?.replace(/^\*/, 'sealgate');
}

function pathOf(reference: Reference): string {
  return 'digest' in reference ? `/sha256/${reference.digest}` : objectPath(reference);
}

/** Who may write is told the tags, too. */
function withTags(reference: Reference): string {
  return 'digest' in reference ? pathOf(reference) : `${pathOf(reference)}?tags`;
}

function foundOf({ headers }: Pick<Reply, 'headers'>, url: string): Found {
  const digest = /^"([0-9a-f]{64})"$/.exec(headers.etag ?? '')?.[1] ?? '';
  const size = Number(headers['content-length'] ?? Number.NaN);
  if (!isDigest(digest) || !Number.isSafeInteger(size))
    throw new Error(`${url}: the answer has no digest as its ETag, or no length; is it a Sealgate server?`);
  const modified = Date.parse(headers['last-modified'] ?? '');
  const ends = Date.parse(headers.sunset?.toString() ?? '');
  const fields = fieldsIn(Object.keys(headers), (name) => {
    const value = headers[name]?.toString();
    return name === 'cache-control' && value !== undefined && isDefaultCaching(value) ? undefined : value;
  });
  const digests = furtherIn(headers['repr-digest']?.toString() ?? '');
  return {
    digest,
    ...(digests && { digests }),
    size,
    mediaType: headers['content-type'] ?? 'application/octet-stream',
    ...fields,
    ...(Number.isFinite(modified) && { lastModified: new Date(modified).toISOString() }),
    ...(Number.isFinite(ends) && { expires: new Date(ends).toISOString() }),
  };
}

function expected(reply: Reply, statuses: number[], url: string): Reply {
  if (statuses.includes(reply.status)) return reply;
  throw refusalOf(reply, url);
}
