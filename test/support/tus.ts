// Requests of tus 1.0.0 on the wire, at a server of the site.

import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Response, Site } from './server.ts';
import { until } from './wait.ts';
import { request, Wire } from './wire.ts';

export class TusRequests {
  readonly origin: () => string;
  /** What each request says. */
  readonly spoken: string[];

  constructor(origin: () => string, { token }: Pick<Site, 'token'>) {
    this.origin = origin;
    this.spoken = ['Tus-Resumable: 1.0.0', `Authorization: Bearer ${token}`];
  }

  async ask(
    method: string,
    path: string,
    fields: string[],
    body: Uint8Array | string = '',
  ): Promise<Response> {
    const wire = await Wire.open(this.origin());
    const length = method === 'HEAD' ? [] : [`Content-Length: ${body.length}`];
    wire.send(request(method, path, ...length, ...fields));
    if (body.length > 0) wire.send(body);
    return wire.response(method).finally(() => wire.close());
  }

  /** Resolves with the location. */
  async begin(path: string, ...fields: string[]): Promise<string> {
    const made = await this.ask('POST', path, [...this.spoken, ...fields]);
    assert.equal(made.status, 201, made.body.toString());
    return made.headers.get('location') ?? '';
  }

  patch(at: string, offset: number, body: Uint8Array | string, ...fields: string[]): Promise<Response> {
    return this.ask('PATCH', at, [...this.spoken, appended, `Upload-Offset: ${offset}`, ...fields], body);
  }

  state(at: string, ...fields: string[]): Promise<Response> {
    return this.ask('HEAD', at, [...this.spoken, ...fields]);
  }

  /** Goes on with an upload of this body to its end, once no request that was cut off is written any more. */
  async goOn(at: string, body: Buffer): Promise<void> {
    await until(
      async () => {
        const offset = offsetOf(await this.state(at));
        return (await this.patch(at, offset, body.subarray(offset))).status;
      },
      (status) => status === 204,
      'the end of an upload',
    );
  }

  /** A request to append of which only a part is sent. */
  async unfinished(at: string, offset: number, bytes: number, part: Uint8Array | string): Promise<Wire> {
    const wire = await Wire.open(this.origin());
    const about = [...this.spoken, appended, `Upload-Offset: ${offset}`, `Content-Length: ${bytes}`];
    wire.send(request('PATCH', at, ...about));
    wire.send(part);
    return wire;
  }
}

export const appended = 'Content-Type: application/offset+octet-stream';

export const offsetOf = ({ headers }: Response) => Number(headers.get('upload-offset') ?? Number.NaN);

/** The bytes of each upload that is in a store, sorted. */
export async function uploadSizes({ dir }: Pick<Site, 'dir'>): Promise<number[]> {
  const folder = join(dir, 'store', 'uploads');
  const ids = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(
    ids.map((id) =>
      stat(join(folder, id, 'data')).then(
        ({ size }) => [size],
        () => [],
      ),
    ),
  );
  return sizes.flat().sort((one, other) => one - other);
}
