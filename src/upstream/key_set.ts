// KeySet: keys of blobs in a small space. Of a digest 128 bits are kept: should two have the same, which
// nobody can bring about who cannot break SHA-256 halfway, a blob stays that could go.

const words = 4;
/** Of 16 bytes each, at most three in four used. */
const firstPlaces = 1024;

export class KeySet {
  readonly #most: number;
  #places = firstPlaces;
  #table = new Uint32Array(firstPlaces * words);
  /** Which are used: a key may be all zero. */
  #used = new Uint8Array(firstPlaces);
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
    const place = this.#find(bits);
    if (this.#used[place]) return;
    if (this.#size >= this.#most) throw new Error(`more than ${this.#most} blobs are named`);
    this.#used[place] = 1;
    this.#table.set(bits, place * words);
    this.#size++;
    if (this.#size * 4 > this.#places * 3) this.#grow();
  }

  has(key: string): boolean {
    return this.#used[this.#find(bitsOf(key))] === 1;
  }

  /** Where a key is, or would be. */
  #find(bits: Uint32Array): number {
    let place = (bits[0] ?? 0) % this.#places;
    while (this.#used[place] && !this.#isAt(place, bits)) place = (place + 1) % this.#places;
    return place;
  }

  #isAt(place: number, bits: Uint32Array): boolean {
    return bits.every((word, index) => this.#table[place * words + index] === word);
  }

  #grow(): void {
    const [table, used] = [this.#table, this.#used];
    this.#places *= 2;
    this.#table = new Uint32Array(this.#places * words);
    this.#used = new Uint8Array(this.#places);
    for (let place = 0; place < used.length; place++) {
      if (!used[place]) continue;
      const bits = table.subarray(place * words, (place + 1) * words);
      const to = this.#find(bits);
      this.#used[to] = 1;
      this.#table.set(bits, to * words);
    }
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
