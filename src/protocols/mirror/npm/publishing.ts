// What clients change of the packages that are this server's own (`local`): a version is published, versions
// are deprecated, a tag is moved. A name that an upstream is asked for cannot be published to.

import { rm } from 'node:fs/promises';
import type { EngineRequest } from '../../../engine/engine_request.ts';
import { type Answer, readBody, receive, respondJson } from '../../../engine/plan.ts';
import { SealgateError } from '../../../errors.ts';
import { KeyedLock } from '../../../keyed_lock.ts';
import type { Hashed, RespondPlan } from '../../../native/addon.ts';
import { tarballName } from '../../../upstream/npm/names.ts';
import type { Change, ChangeResult, ChangeTask } from '../../../upstream/npm/tasks.ts';
import { kept, ownOf } from '../read_object.ts';
import { type Packages, staged, unconditional } from './packages.ts';

/** Bytes of what `npm publish` sends: a tarball in base64, and its manifest. */
const maxDocumentBytes = 128 * 1024 * 1024;
const maxTagBytes = 1024;

/** One change of a package after another, of whichever site: each is made of the one before. */
const locks = new KeyedLock();

export class Publishing {
  readonly #packages: Packages;

  constructor(packages: Packages) {
    this.#packages = packages;
  }

  /** PUT /name. */
  document(request: EngineRequest, name: string): Answer {
    this.#authorize(request, name);
    if (!request.framed) throw new SealgateError('length-required');
    const { objects } = this.#packages.mirror.services;
    const body = objects.receive(maxDocumentBytes, (staging) =>
      this.#change(name, { kind: 'document', body: staging }),
    );
    return receive(body, (made) => made);
  }

  /** PUT /-/package/name/dist-tags/tag. */
  tag(request: EngineRequest, name: string, tag: string): Answer {
    this.#authorize(request, name);
    return readBody(maxTagBytes, (body) => {
      const version = versionIn(body);
      if (version === undefined) return respondJson(400, { error: 'expected a version as a JSON string' });
      return this.#change(name, { kind: 'tag', tag, version });
    });
  }

  /** DELETE /-/package/name/dist-tags/tag. */
  untag(request: EngineRequest, name: string, tag: string): Promise<Answer> {
    this.#authorize(request, name);
    return this.#change(name, { kind: 'tag', tag, version: undefined });
  }

  // A stranger is told nothing of which names are local.
  #authorize(request: EngineRequest, name: string): void {
    const { services, bucket } = this.#packages.mirror;
    services.authorize(request, 'write', bucket);
    if (this.#packages.isLocal(name)) return;
    const why = `${name} is not one of the names that are published here ("local" of the site).`;
    throw new SealgateError('scope-missing', why);
  }

  #change(name: string, change: Change): Promise<RespondPlan> {
    const { bucket, name: key } = this.#packages.at(name);
    return locks.run(`${bucket}/${key}`, () => this.#make(name, change));
  }

  async #make(name: string, change: Change): Promise<RespondPlan> {
    const { mirror, base } = this.#packages;
    const { objects } = mirror.services;
    const at = this.#packages.at(name);
    const before = await kept(mirror, at);
    const current = ownOf(before);
    const packument = objects.put(at, {
      conditions: { ...unconditional, ...(before && { ifMatch: `"${before.ref.digest}"` }) },
      mediaType: 'application/json',
    });
    // Where it goes is known by its version alone, which is in the body.
    const probe = objects.receive(maxDocumentBytes, async () => {});
    const task: ChangeTask = {
      ...{ change, name, base, current: current && objects.pathOf(current.ref.digest) },
      ...{ packument: staged(packument), tarball: { path: probe.staging, digests: ['sha1', 'sha512'] } },
      now: new Date().toISOString(),
    };
    try {
      const made: ChangeResult = await mirror.shared.documents.read('changePackument', task);
      if ('refused' in made) return respondJson(made.status, { error: made.refused });
      if (made.tarball && !(await this.#place(name, made.tarball, probe.staging)))
        return respondJson(409, { error: `${name}@${made.tarball.version} had other bytes once` });
      // COMMIT: the version is listed.
      await packument.commit(made.packument);
      return respondJson(made.tarball ? 201 : 200, { ok: true, id: name });
    } finally {
      for (const path of [packument.staging, probe.staging]) await rm(path, { force: true });
    }
  }

  /** False: the version had other bytes before. The same ones are of a publish that was cut off. */
  async #place(
    name: string,
    { version, body }: { version: string; body: Hashed },
    staging: string,
  ): Promise<boolean> {
    const { mirror } = this.#packages;
    const to = this.#packages.at(name, tarballName(name, version));
    const before = ownOf(await kept(mirror, to));
    if (before) return before.ref.digest === body.digest;
    const request = { conditions: unconditional, mediaType: 'application/octet-stream', size: body.size };
    await mirror.services.objects.put(to, request, staging).commit(body);
    return true;
  }
}

/** Undefined: it is none. */
function versionIn(body: Uint8Array): string | undefined {
  try {
    const version: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}
