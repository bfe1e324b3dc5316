// GrowingOver: uploads that the process which was replaced still receives, and that clients of the other one
// may read while they arrive. What is there is read from the same file.

import { setTimeout } from 'node:timers/promises';
import { addon, type GrowingFile, type OpenFile } from '../../native/addon.ts';
import type { GrowingUpload, GrowingUploads } from '../../objects/growing_uploads.ts';
import type { Name } from '../../objects/objects.ts';
import type { Talk } from './talk.ts';

/** Milliseconds between two looks at how far they are: readers of the other process wait so much longer. */
const lookEvery = 20;

/** One upload, by a number. The first time it is told of, `begins` says what it is. */
export interface Growth {
  growing: number;
  begins?: Omit<GrowingUpload, 'file'> & { at: Name };
  size: number;
  expected: number;
  state: GrowingFile['state'];
}

/** Tells the other process of what grows here, until `isOver`. */
export async function tellGrowth(talk: Talk, uploads: GrowingUploads, isOver: () => boolean): Promise<void> {
  const told = new Map<GrowingFile, { growing: number; size: number }>();
  let last = 0;
  for (; !isOver(); await setTimeout(lookEvery)) {
    for (const { file, ...begins } of uploads.all()) {
      if (told.has(file)) continue;
      told.set(file, { growing: ++last, size: 0 });
      await say(talk, { growing: last, begins, size: 0, expected: 0, state: 'growing' });
    }
    for (const [file, { growing, size: before }] of told) {
      const { size, expected, state } = file;
      if (size === before && state === 'growing') continue;
      const opened = before === 0 ? file.opened() : undefined;
      // Whoever has none of the bytes of one that ended meanwhile asks again, and gets the object.
      const end = before === 0 && !opened ? 'failed' : state;
      if (state === 'growing') told.set(file, { growing, size });
      else told.delete(file);
      await say(talk, { growing, size, expected, state: end }, opened);
    }
  }
}

async function say(talk: Talk, growth: Growth, file?: OpenFile): Promise<void> {
  await talk.say(growth, file && [file]);
  if (file) addon.closeFile(file);
}

/** What grows in the process that this one took over from. */
export class GrowingElsewhere {
  readonly #uploads: GrowingUploads;
  readonly #byNumber = new Map<number, GrowingFile>();

  constructor(uploads: GrowingUploads) {
    this.#uploads = uploads;
  }

  take({ growing, begins, size, expected, state }: Growth, [opened]: readonly OpenFile[]): void {
    if (begins) this.#byNumber.set(growing, this.#uploads.begin(begins.at, begins).file);
    const file = this.#byNumber.get(growing);
    if (state !== 'failed' && size > 0) file?.grow(size, opened, expected);
    if (state === 'growing') return;
    if (state === 'whole') file?.finish();
    else file?.fail();
    this.#byNumber.delete(growing);
  }

  /** The other process has gone, and its uploads with it. */
  end(): void {
    for (const file of this.#byNumber.values()) file.fail();
    this.#byNumber.clear();
  }
}
