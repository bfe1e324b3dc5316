// Placing: what becomes of a file of a channel whose body has come. Segments and init segments are written
// once in a session of the encoder, and manifests tell when another one begins.

import { readFile, rename, rm } from 'node:fs/promises';
import { hasCode, SealgateError } from '../../errors.ts';
import { KeyedLock } from '../../keyed_lock.ts';
import type { Hashed } from '../../native/addon.ts';
import type { PutRequest, Stored } from '../../objects/requests.ts';
import { coveredBy, listedIn } from './covered_names.ts';
import { type HeldUpload, HeldUploads } from './held_uploads.ts';
import { type Manifest, manifestOf, mostManifestBytes } from './manifest.ts';
import { mediaClassOf } from './media_class.ts';
import type { Point } from './point.ts';
import {
  after,
  beginAnew,
  endOf,
  fieldsOf,
  isOver,
  recordedIn,
  type Session,
  Sessions,
  silenceOf,
  verdictOn,
} from './sessions.ts';

/** What has come: a whole staging file, under which name and path, and what was said of it. */
export interface Come {
  name: string;
  path: string;
  staging: string;
  body: Hashed;
  about: PutRequest;
}

export class Placing {
  readonly #point: Point;
  readonly #sessions = new Sessions();
  readonly #held = new HeldUploads();
  /** Locks by the name of the manifest. */
  readonly #manifests = new KeyedLock();

  constructor(point: Point) {
    this.#point = point;
  }

  /** The staging file is gone when it settles. Rejects as `put` of objects does, or `playlist-behind`. */
  async place(come: Come): Promise<Stored> {
    try {
      return await this.#placed(come);
    } finally {
      await rm(come.staging, { force: true });
    }
  }

  /** A file of the channel was deleted. */
  deleted(name: string): void {
    this.#sessions.end(name);
  }

  #placed(come: Come): Promise<Stored> {
    const { name, body } = come;
    const its = mediaClassOf(name);
    if (this.#point.rewrite === 'replace') return this.#store(come);
    if (its === 'segment' || its === 'init') return this.#placeMedia(come, its);
    if (its !== 'playlist' || body.size > mostManifestBytes) return this.#store(come);
    return this.#manifests.run(name, () => this.#placeManifest(come));
  }

  async #placeMedia(come: Come, its: 'segment' | 'init'): Promise<Stored> {
    const { name } = come;
    const sessions = this.#sessions.covering(name);
    // Without a manifest nobody knows what an init segment belongs to.
    if (sessions.length === 0 && its === 'init') return this.#store(come);
    const once = () => ({ writeOnceSince: Math.max(0, ...sessions.map(({ began }) => began)) });
    try {
      return await this.#store(come, once());
    } catch (error) {
      if (!hasCode(error, 'segment-taken')) throw error;
      if (sessions.length === 0 || !sessions.every(isOver)) {
        await this.#hold(come);
        throw error;
      }
    }
    beginAnew(sessions);
    this.#say(name, 0);
    return this.#store(come, once());
  }

  async #hold({ name, staging, body, about }: Come): Promise<void> {
    const held = `${staging}.held`;
    await rename(staging, held);
    await this.#held.hold(name, { staging: held, body, about });
  }

  async #placeManifest(come: Come): Promise<Stored> {
    const { name, path, staging } = come;
    const manifest = manifestOf(await readFile(staging, 'utf8'));
    if (!manifest) return this.#store(come);
    const covers = coveredBy(this.#point, path, name, manifest);
    const known = this.#sessions.of(name);
    const led = known ?? (await this.#recorded(name, covers));
    if (led) this.#sessions.keep(name, led);
    const isIts = this.#listed(path, manifest, covers);
    const verdict = verdictOn(led, manifest, manifest.format === 'hls' && this.#held.has(isIts));
    if (led && verdict === 'behind') throw behind(led, manifest);
    const isOther = led !== undefined && verdict === 'begins';
    const held = known && !isOther ? [] : this.#held.take(isIts);
    const isNew = isOther ? !led.isBegun : !led && held.length > 0;
    const began = isNew ? Date.now() : (led?.began ?? 0);
    const placed = await this.#placeHeld(held, began);
    const session = after(led, manifest, { began, covers });
    const stored = await this.#store(come, { fields: fieldsOf(session) });
    this.#sessions.keep(name, session);
    if (isNew) this.#say(name, placed);
    return stored;
  }

  async #recorded(name: string, covers: Session['covers']): Promise<Session | undefined> {
    const { bucket, services } = this.#point;
    try {
      const { fields } = await services.objects.head({ bucket, name });
      return recordedIn(fields, covers);
    } catch (error) {
      if (hasCode(error, 'not-found') || hasCode(error, 'name-deleted')) return undefined;
      throw error;
    }
  }

  /** Whether the manifest is for a name, as far as that matters. */
  #listed(path: string, manifest: Manifest, covers: Session['covers']): (name: string) => boolean {
    if (this.#held.isEmpty) return () => false;
    const isListed = listedIn(this.#point, path, manifest);
    return (name) => covers(name) && isListed(name);
  }

  // Before their manifest: whoever gets it finds its own segments.
  async #placeHeld(held: readonly [string, HeldUpload][], began: number): Promise<number> {
    let placed = 0;
    for (const [name, upload] of held) {
      try {
        await this.#store({ name, ...upload }, { writeOnceSince: began });
        placed += 1;
      } catch (error) {
        if (!(error instanceof SealgateError)) throw error;
      } finally {
        await rm(upload.staging, { force: true });
      }
    }
    return placed;
  }

  async #store(
    { name, staging, body, about }: Omit<Come, 'path'>,
    more: Partial<PutRequest> = {},
  ): Promise<Stored> {
    const { bucket, services } = this.#point;
    const { digest, size } = body;
    const to = services.objects.put({ bucket, name }, { ...about, ...more, digest, size });
    await rename(staging, to.staging);
    return to.commit(body);
  }

  #say(object: string, placed: number): void {
    const { services, path, bucket, totals } = this.#point;
    totals.sessions += 1;
    services.log.info({ path, bucket, object, placed }, 'another session of an encoder began');
  }
}

function behind({ end, pace }: Session, come: Manifest): SealgateError {
  const silence = `${(silenceOf(pace) / 1000).toFixed(1)} s`;
  const its =
    come.format === 'dash'
      ? 'It has another availabilityStartTime than the MPD of the encoder that leads'
      : `It ends before segment ${endOf(come)}, that of its leader before ${end}, or names differ`;
  const detail = `${its}. It is taken when that one has not gone ahead for ${silence}.`;
  return new SealgateError('playlist-behind', detail);
}
