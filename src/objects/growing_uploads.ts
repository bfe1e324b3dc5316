// GrowingUploads: uploads that may be read while they arrive, by the name that they are for. They are in
// memory alone, and end with the process that receives them.

import { addon, type GrowingFile } from '../native/addon.ts';
import type { ObjectFields } from '../object_fields.ts';
import { keyOf, type Name } from './found.ts';

export interface GrowingUpload {
  file: GrowingFile;
  mediaType: string;
  /** What is to be recorded of the object. */
  fields: ObjectFields | undefined;
  /** Whether those who ask for it wait until it is whole, and read nothing before. */
  isHeld?: boolean;
  /** It reaches those who read it now, and becomes no object. */
  isPassing?: boolean;
}

interface Kept extends GrowingUpload {
  at: Name;
}

export class GrowingUploads {
  /** The newest last. Uploads that have ended are dropped when somebody looks, or another one begins. */
  readonly #byName = new Map<string, Kept[]>();

  /** An upload that is to be received into the file. The engine's limit of uploads bounds their number. */
  begin(at: Name, about: Omit<GrowingUpload, 'file'>): GrowingUpload {
    for (const key of this.#byName.keys()) this.#underWay(key);
    const upload = { at, file: addon.growingFile(), ...about };
    const key = keyOf(at);
    this.#byName.set(key, [...this.#underWay(key), upload]);
    return upload;
  }

  /** The one that began last, if any is under way. An older one goes on for those who read it. */
  find(at: Name): GrowingUpload | undefined {
    return this.#underWay(keyOf(at)).at(-1);
  }

  /** All that are under way, with their names. */
  all(): Kept[] {
    return [...this.#byName.keys()].flatMap((key) => this.#underWay(key));
  }

  #underWay(key: string): Kept[] {
    const uploads = this.#byName.get(key);
    if (!uploads) return [];
    const left = uploads.filter(({ file }) => file.state === 'growing');
    if (left.length === 0) this.#byName.delete(key);
    else if (left.length < uploads.length) this.#byName.set(key, left);
    return left;
  }
}
