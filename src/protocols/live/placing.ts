// Placing: what becomes of a file of a channel whose body has come. Segments and init segments are written
// once in a session of the encoder, and manifests tell when another one begins.

import { createHash } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { hasCode, SealgateError } from '../../errors.ts';
import { KeyedLock } from '../../keyed_lock.ts';
import type { Hashed } from '../../native/addon.ts';
import { there } from '../../objects/found.ts';
import type { PutRequest, Stored } from '../../objects/requests.ts';
import { Arrivals } from './arrivals.ts';
import { coveredBy, listedIn } from './covered_names.ts';
import { type HeldUpload, HeldUploads } from './held_uploads.ts';
import { endOf, type Manifest, manifestOf, mostManifestBytes } from './manifest.ts';
import { mediaClassOf } from './media_class.ts';
import { withWaiting } from './offered.ts';
import type { Point } from './point.ts';
import { PointNames } from './point_names.ts';
import { recordOf } from './recorded.ts';
import { reachOf } from './reload.ts';
import {
  after,
  beginAnew,
  isFree,
  recordedIn,
  type Session,
  Sessions,
  sessionRecord,
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
  readonly #names: PointNames;
  readonly #arrivals: Arrivals;

  constructor(point: Point) {
    this.#point = point;
    this.#names = new PointNames(point);
    this.#arrivals = new Arrivals(point.totals);
  }

  /** Before a body comes: whether the point has room for the name (point_names.ts). */
  admit(name: string): void {
    this.#names.admit(name);
  }

  /** The staging file is gone when it settles. Rejects as `put` of objects does, or `playlist-behind`. */
  async place(come: Come): Promise<Stored> {
    try {
      const stored = await this.#placed(come);
      this.#point.playlists.touched(come.name);
      return stored;
    } finally {
      await rm(come.staging, { force: true });
    }
  }

  /** A file of the channel was deleted. */
  deleted(name: string): void {
    this.#sessions.end(name);
    this.#point.playlists.touched(name);
    this.#names.deleted(name);
  }

  #placed(come: Come): Promise<Stored> {
    const { name, body } = come;
    const its = mediaClassOf(name);
    if (its === 'playlist' && body.size <= mostManifestBytes)
      return this.#manifests.run(name, () => this.#placeManifest(come));
    const isWrittenOnce = its === 'segment' || its === 'init';
    if (isWrittenOnce && this.#point.rewrite === 'refuse') return this.#placeMedia(come, its);
    return this.#store(come);
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
      if (sessions.length === 0 || !sessions.every(isFree)) {
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
    const text = await readFile(staging, 'utf8');
    const manifest = manifestOf(text);
    if (!manifest) return this.#store(come);
    const offered = await this.#offer(come, text, manifest);
    const stored = await this.#placeOffered(come, manifest, offered).finally(() => offered.remove());
    this.#tellOf(manifest);
    this.#point.playlists.changed(name, path, stored.digest, offered.text, offered.manifest);
    return stored;
  }

  /** The playlist as players get it, which may have a tag more than what has come. */
  async #offer(come: Come, text: string, manifest: Manifest): Promise<Offered> {
    const { playlists, offersWaiting } = this.#point;
    const { staging, body } = come;
    // A tag that is put into what is no text would change the rest.
    const isText = Buffer.byteLength(text) === body.size && !text.includes('\ufffd');
    const mayWait = playlists.isPunctual(come.name, manifest) && offersWaiting && isText && !manifest.isEnded;
    const offered = mayWait ? withWaiting(text, manifest) : text;
    if (offered === text) return { text, manifest, staging, body, remove: async () => {} };
    const its = `${staging}.offered`;
    const remove = () => rm(its, { force: true });
    const made = { text: offered, manifest: manifestOf(offered) ?? manifest, staging: its, remove };
    return { ...made, body: await written(its, offered) };
  }

  async #placeOffered(come: Come, manifest: Manifest, offered: Offered): Promise<Stored> {
    const { name, path, about } = come;
    const { staging, body } = offered;
    const reach = reachOf(offered.manifest);
    const its = { name, staging, body, about };
    const record = reach ? recordOf('playlist', reach) : {};
    if (this.#point.rewrite === 'replace') return this.#store(its, { fields: { meta: record } });
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
    // Where nobody has led, what has just come is of whoever sends this, or was first.
    const alive = led ? 0 : silenceOf(manifest.pace);
    const began = isNew ? Date.now() - alive : (led?.began ?? 0);
    const placed = await this.#placeHeld(held, began);
    const session = after(led, manifest, { began, covers });
    const stored = await this.#store(its, { fields: { meta: { ...sessionRecord(session), ...record } } });
    this.#sessions.keep(name, session);
    if (isNew && (led || placed > 0)) this.#say(name, placed);
    return stored;
  }

  async #recorded(name: string, covers: Session['covers']): Promise<Session | undefined> {
    const { bucket, services } = this.#point;
    const found = await there(() => services.objects.head({ bucket, name }));
    return found && recordedIn(found.fields, covers);
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
    const stored = await to.commit(body);
    if (stored.outcome === 'same') return stored;
    if (mediaClassOf(name) === 'segment') this.#arrivals.came(name, this.#paceOf(name));
    await this.#names.came(name);
    return stored;
  }

  /** What the totals have of a manifest that players get now. */
  #tellOf({ isEnded, capturedTo }: Manifest): void {
    const { totals } = this.#point;
    if (isEnded) totals.newestAt = undefined;
    totals.delay = capturedTo === undefined || isEnded ? undefined : (Date.now() - capturedTo) / 1000;
  }

  #paceOf(name: string): number {
    const playlists = this.#sessions.covering(name).filter(({ isHls }) => isHls);
    return Math.max(0, ...playlists.map(({ pace }) => pace));
  }

  #say(object: string, placed: number): void {
    const { services, path, bucket, totals } = this.#point;
    totals.sessions += 1;
    services.log.info({ path, bucket, object, placed }, 'another session of an encoder began');
  }
}

/** A playlist as players get it, in a staging file. */
interface Offered extends Pick<Come, 'staging' | 'body'> {
  text: string;
  manifest: Manifest;
  /** Removes the file, if it is another one than that of the upload. */
  remove(): Promise<void>;
}

/** A staging file as the engine leaves one: whole, durable and not to be written any more. */
async function written(staging: string, text: string): Promise<Hashed> {
  const bytes = Buffer.from(text);
  const file = await open(staging, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.chmod(0o444);
    await file.sync();
  } finally {
    await file.close();
  }
  return { digest: createHash('sha256').update(bytes).digest('hex'), size: bytes.length };
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
