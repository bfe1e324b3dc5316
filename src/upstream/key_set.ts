// KeySet: keys of blobs in a small space. Of a digest 128 bits are kept: should two have the same, which
// nobody can bring about who cannot break SHA-256 halfway, a blob stays that could go. It grows while keys
// are added, some places at a time, so that none of them holds up the thread.

const words = 4;
/** Of 17 bytes each, at most three in four used: 23 to 45 bytes a key, and up to 68 while it grows. */
const firstPlaces = 1024;
/** Places that are moved with each key: all have been long before the larger table is full. */
const movedAtATime = 8;

class Table {
  readonly places: number;
  readonly #words: Uint32Array;
  /** Which are used: a key may be all zero. */
  readonly #used: Uint8Array;

  constructor(places: number) {
    this.places = places;
    this.#words = new Uint32Array(places * words);
    this.#used = new Uint8Array(places);
  }

  has(bits: Uint32Array): boolean {
    return this.#used[this.#find(bits)] === 1;
  }

  /** @returns whether it was not there. */
  add(bits: Uint32Array): boolean {
    const place = this.#find(bits);
    if (this.#used[place]) return false;
    this.#used[place] = 1;
    this.#words.set(bits, place * words);
    return true;
  }

  /** What is at a place. */
  at(place: number): Uint32Array | undefined {
    return this.#used[place] ? this.#words.subarray(place * words, (place + 1) * words) : undefined;
  }

  /** Where a key is, or would be. */
  #find(bits: Uint32Array): number {
    let place = (bits[0] ?? 0) % this.places;
    while (this.#used[place] && !this.#isAt(place, bits)) place = (place + 1) % this.places;
    return place;
  }

  #isAt(place: number, bits: Uint32Array): boolean {
    return bits.every((word, index) => this.#words[place * words + index] === word);
  }
}

export class KeySet {
  readonly #most: number;
  #table = new Table(firstPlaces);
  /** What it grew out of, and how much of that it has by now. */
  #before: { table: Table; moved: number } | undefined;
  #size = 0;

  /** @param most keys. */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#size;
  }

  /** Throws when there are too many. @param key `DIGEST` or `DIGEST.PLACE`. */
  add(key: string): void {
    const bits = bitsOf(key);
    if (this.#has(bits)) return;
    if (this.#size >= this.#most) throw new Error(`more than ${this.#most} blobs are named`);
    this.#table.add(bits);
    this.#size++;
    this.#move();
    if (this.#size * 4 <= this.#table.places * 3) return;
    this.#before = { table: this.#table, moved: 0 };
    this.#table = new Table(this.#table.places * 2);
  }

  has(key: string): boolean {
    return this.#has(bitsOf(key));
  }

  #has(bits: Uint32Array): boolean {
    return this.#table.has(bits) || this.#before?.table.has(bits) === true;
  }

  #move(): void {
    const before = this.#before;
    if (!before) return;
    const end = Math.min(before.moved + movedAtATime, before.table.places);
    for (; before.moved < end; before.moved++) {
      const bits = before.table.at(before.moved);
      if (bits) this.#table.add(bits);
    }
    if (before.moved === before.table.places) this.#before = undefined;
  }
}

function bitsOf(key: string): Uint32Array {
  const [digest = '', place] = key.split('.');
  const bits = new Uint32Array(words);
  for (let index = 0; index < words; index++)
    bits[index] = Number.parseInt(digest.slice(index * 8, index * 8 + 8), 16);
  if (place !== undefined) {
    bits[1] = (bits[1] ?? 0) ^ Number.parseInt(place.slice(0, 8), 16);
    bits[2] = (bits[2] ?? 0) ^ Number.parseInt(place.slice(8), 16);
  }
  return bits;
}
