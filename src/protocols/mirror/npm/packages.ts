// Packages: what is kept of each, and where. The packument is kept as it came, under the name of the package;
// what is made of it (its forms for clients, and the index by which tarballs are proved) lies beside it, and
// tells by the digest of which packument it was made. So a second request costs what a file costs.

import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { SealgateError } from '../../../errors.ts';
import type { Found, Name } from '../../../objects/objects.ts';
import type { Receiving } from '../../../objects/receiving.ts';
import type { Stored } from '../../../objects/requests.ts';
import { derivedFields, derivedFrom } from '../../../upstream/keeping.ts';
import { maxPackumentBytes } from '../../../upstream/npm/packument.ts';
import type { DeriveResult, DeriveTask, FindResult, FindTask, Staged } from '../../../upstream/npm/tasks.ts';
import type { Check } from '../filling.ts';
import type { Mirror } from '../mirror.ts';
import { kept } from '../read_object.ts';

export type Form = 'full' | 'abbreviated';
type Part = Form | 'index';

/** What derived documents are made by: another one makes them anew. */
const edition = 1;
const parts = ['index', 'abbreviated', 'full'] as const;

export const abbreviatedType = 'application/vnd.npm.install-v1+json';
const mediaTypes: Record<Part, string> = {
  full: 'application/json',
  abbreviated: abbreviatedType,
  index: 'application/json',
};

export const unconditional = { ifMatch: undefined, ifNoneMatch: undefined, ifUnmodifiedSince: undefined };

export class Packages {
  readonly mirror: Mirror;
  /** URL of the registry, as clients see it. */
  readonly base: string;
  readonly #deriving = new Map<string, Promise<void>>();
  /** Sites with other URLs may have the same bucket. */
  readonly #place: string;

  constructor(mirror: Mirror, base: string) {
    this.mirror = mirror;
    this.base = base;
    this.#place = createHash('sha256').update(base).digest('hex').slice(0, 12);
  }

  isLocal(name: string): boolean {
    return this.mirror.isLocal(this.mirror.path + name);
  }

  /** Where the packument of a package is, or a tarball. */
  at(name: string, file?: string): Name {
    const { bucket, prefix } = this.mirror;
    return { bucket, name: `${prefix}${name}${file === undefined ? '' : `/-/${file}`}` };
  }

  // No tarball is called so.
  #at(name: string, part: Part): Name {
    return this.at(name, part === 'index' ? 'index.json' : `${part}-${this.#place}.json`);
  }

  /** The form of a packument that clients get. Rejects with `upstream-unusable`. */
  form(name: string, packument: string, form: Form): Promise<Found> {
    return this.#derived(name, packument, form);
  }

  /** What the packument says of a tarball; undefined: it does not list it. */
  async find(name: string, packument: string, file: string): Promise<FindResult> {
    const index = await this.#derived(name, packument, 'index');
    const task: FindTask = { index: this.#fileOf(index.ref.digest), file };
    return this.mirror.shared.documents.read('findTarball', task);
  }

  #fileOf(digest: string): string {
    return this.mirror.services.objects.pathOf(digest);
  }

  /** Refuses a packument that is none before it takes the place of one that is. */
  checking(name: string): Check {
    return async ({ file, digest, size }) => {
      if (size > maxPackumentBytes) throw unusable(name, `it has more than ${maxPackumentBytes} bytes`);
      await this.#derive(name, { digest, file });
      return true;
    };
  }

  async #derived(name: string, digest: string, part: Part): Promise<Found> {
    const at = this.#at(name, part);
    const before = await kept(this.mirror, at);
    if (before && derivedFrom(before.ref.fields) === madeOf(digest)) {
      if (part !== 'index') this.mirror.shared.space.used(at);
      return before;
    }
    await this.#derive(name, { digest, file: this.#fileOf(digest) });
    const found = await kept(this.mirror, at);
    if (found) return found;
    throw new SealgateError('not-found');
  }

  /** Once for all who want it. */
  #derive(name: string, packument: { digest: string; file: string }): Promise<void> {
    const key = `${name} ${packument.digest}`;
    const known = this.#deriving.get(key);
    if (known) return known;
    const deriving = this.#make(name, packument).finally(() => this.#deriving.delete(key));
    this.#deriving.set(key, deriving);
    return deriving;
  }

  async #make(name: string, { digest, file }: { digest: string; file: string }): Promise<void> {
    const { services, shared } = this.mirror;
    // Forms are evicted as what they were made of is. The index stays: it knows which digests came first.
    const mayGo = (part: Part) => part !== 'index' && !this.isLocal(name);
    const to = (part: Part) =>
      services.objects.put(this.#at(name, part), {
        ...{ conditions: unconditional, mediaType: mediaTypes[part] },
        fields: derivedFields(madeOf(digest), { mayGo: mayGo(part) }),
      });
    const receiving = { index: to('index'), abbreviated: to('abbreviated'), full: to('full') };
    // Of a local name the first digests may be a stranger's; versions of its own are written once anyway.
    const before = this.isLocal(name) ? undefined : await kept(this.mirror, this.#at(name, 'index'));
    const { full, abbreviated, index } = receiving;
    const task: DeriveTask = {
      ...{ file, name, base: this.base, before: before && this.#fileOf(before.ref.digest) },
      ...{ full: staged(full), abbreviated: staged(abbreviated), index: staged(index) },
    };
    try {
      const made: DeriveResult = await shared.documents.read('derivePackument', task);
      if ('refused' in made) throw unusable(name, made.refused);
      for (const part of parts) {
        const { outcome } = await receiving[part].commit(made[part]);
        // Of what was replaced, older versions may go, whatever stays.
        shared.space.stored(this.#at(name, part), outcome === 'replaced');
      }
      this.#alarm(name, made.changed);
    } finally {
      for (const part of parts) await rm(receiving[part].staging, { force: true });
    }
  }

  #alarm(name: string, versions: string[]): void {
    if (versions.length === 0) return;
    this.mirror.shared.changedVersions += versions.length;
    this.mirror.services.log.error(
      { package: name, versions },
      'an upstream lists published versions with other digests than before; the first ones stay',
    );
  }
}

export function staged({ staging: path, digests }: Receiving<Stored>): Staged {
  return { path, digests };
}

function madeOf(digest: string): string {
  return `${digest} ${edition}`;
}

export function unusable(name: string, why: string): SealgateError {
  return new SealgateError('upstream-unusable', `The packument of ${name} cannot be used: ${why}.`);
}
