// SharedObjects: the objects service of a process that another one may take over from. Its changes are made
// here, wait while the store changes hands, and are made by the other process from then on.

import { rm } from 'node:fs/promises';
import type { Digests } from '../digest.ts';
import type { Conditions, SealBreak } from '../native/addon.ts';
import type { NameChange, NewRef, Store } from '../store/store.ts';
import type { Change } from './changes.ts';
import { type Name, Objects, type ObjectsOptions } from './objects.ts';
import type { Receiving } from './receiving.ts';
import type { CopyRequest, PutRequest, Stored } from './requests.ts';
import { checkRoom } from './room.ts';
import { hasGot, type Standing, standingOf } from './standing.ts';
import { Turn } from './turn.ts';

export class SharedObjects extends Objects {
  readonly turn: Turn;
  readonly #store: Pick<Store, 'adopt' | 'checkRoom' | 'resolve' | 'version'>;

  constructor(options: ObjectsOptions, turn = new Turn()) {
    super(options);
    this.#store = options.store;
    this.turn = turn;
  }

  override put(to: Name, asked: PutRequest, kept?: string): Receiving<Stored> {
    return this.#commits(super.put(to, asked, kept), { kind: 'put', to, asked }, kept !== undefined);
  }

  /** See store.ts. */
  adopt(digest: string): Promise<unknown> {
    return this.turn.make(() => this.#store.adopt(digest), { kind: 'adopt', digest });
  }

  readonly standing = (at: Name): Standing => standingOf(this.#store, at);

  /** Throws `quota-reached` where the bucket has no room for so many bytes under a name. */
  checkRoom(to: Name, bytes: number): void {
    const ref = this.#store.resolve(to.bucket, to.name);
    checkRoom(this.#store, to.bucket, bytes, ref?.deleted === false ? ref : undefined);
  }

  /** See standing.ts. */
  hasGot(at: Name, digest: string, since: Standing): boolean {
    return hasGot(this.#store, at, digest, since);
  }

  override putBlob(digest: string, conditions: Conditions, digests?: Digests) {
    const receiving = super.putBlob(digest, conditions, digests);
    return this.#commits(receiving, { kind: 'put-blob', digest, conditions, digests });
  }

  override copy(from: NewRef, to: Name, asked: CopyRequest): Promise<Stored> {
    return this.turn.make(() => super.copy(from, to, asked), { kind: 'copy', from, to, asked });
  }

  // The other process could not ask `check`, so it is asked here before either makes the change.
  override async delete(at: Name, conditions: Conditions, check?: () => void): Promise<void> {
    check?.();
    await this.turn.make(() => super.delete(at, conditions, check), { kind: 'delete', at, conditions });
  }

  override switchNames(bucket: string, changes: readonly NameChange[], replaces: string | undefined) {
    const here = () => super.switchNames(bucket, changes, replaces);
    return this.turn.make(here, { kind: 'switch', bucket, changes, replaces });
  }

  override prove(digest: string, found: SealBreak): Promise<void> {
    return this.turn.make(() => super.prove(digest, found), { kind: 'prove', digest, found });
  }

  #commits<T>(receiving: Receiving<T>, change: Part<'put'> | Part<'put-blob'>, isKept = false): Receiving<T> {
    const { staging } = receiving;
    const commit: Receiving<T>['commit'] = async (body) => {
      try {
        return await this.turn.make(() => receiving.commit(body), { ...change, staging, body });
      } catch (cause) {
        if (!isKept) await rm(staging, { force: true });
        throw cause;
      }
    };
    return { ...receiving, commit };
  }
}

/** What is known of such a change before its body has come. */
type Part<Kind> = Omit<Extract<Change, { kind: Kind }>, 'staging' | 'body'>;
