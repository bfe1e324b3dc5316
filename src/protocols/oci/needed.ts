// What a manifest needs stays: marks of it are cleared, and where the bucket has a time to live nothing of it
// ends before the manifest does.

import { there } from '../../objects/found.ts';
import type { Descriptor } from '../../store/store.ts';
import { parsedDigest } from './names.ts';
import { at, type Registry, type Target, unconditional } from './registry.ts';

/** Names that are renewed for one manifest: an index may name a thousand that name a thousand layers each. */
const mostRenewed = 20_000;

export class Needed {
  readonly #registry: Registry;
  readonly #names: Target['names'];
  #left = mostRenewed;

  constructor(registry: Registry, { names }: Pick<Target, 'names'>) {
    this.#registry = registry;
    this.#names = names;
  }

  /** @param hex SHA-256 of a manifest that was just written. @param digests its own and what it names. */
  async keep(hex: string, digests: Iterable<string>): Promise<void> {
    for (const text of digests)
      for (const name of this.#namesOf(text)) this.#registry.common.marks.clear(at(this.#registry, name));
    const manifest = await this.#there(this.#names.manifest({ algorithm: 'sha256', hex }));
    if (manifest?.expires !== undefined) await this.#renewPartsOf(hex);
  }

  /** What a digest may be of. */
  #namesOf(text: string): string[] {
    const digest = parsedDigest(text);
    return digest ? [this.#names.blob(digest), this.#names.manifest(digest)] : [];
  }

  // Indexes name indexes: what was seen is not looked at again, however deep they are.
  async #renewPartsOf(hex: string): Promise<void> {
    const seen = new Set([hex]);
    for (const each of seen) {
      const { parts } = await this.#registry.common.named.of(each);
      for (const { digest: text } of parts) {
        const digest = parsedDigest(text);
        if (!digest || this.#left-- <= 0) continue;
        await this.#renew(this.#names.blob(digest));
        const manifest = await this.#renew(this.#names.manifest(digest));
        if (manifest) seen.add(manifest.digest);
      }
    }
  }

  async #renew(name: string): Promise<Descriptor | undefined> {
    const found = await this.#there(name);
    if (found?.expires === undefined) return found;
    const { digest, digests, mediaType, fields } = found;
    const to = at(this.#registry, name);
    await this.#registry.services.objects.copy({ digest, digests, mediaType, fields }, to, {
      conditions: unconditional,
    });
    return found;
  }

  #there(name: string): Promise<Descriptor | undefined> {
    return there(() => this.#registry.services.objects.head(at(this.#registry, name)));
  }
}
