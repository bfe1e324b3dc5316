// DigestList: SHA-256 digests with sizes, in 40 bytes each, since a directory may have very many.

const digestBytes = 32;

/** As one thread gives it to another. */
export interface PackedList {
  hashes: Uint8Array;
  sizes: Float64Array<ArrayBuffer>;
}

export class DigestList {
  static from({ hashes, sizes }: PackedList): DigestList {
    const list = new DigestList();
    list.#hashes = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength);
    list.#sizes = sizes;
    list.#length = sizes.length;
    return list;
  }

  packed(): PackedList {
    this.trim();
    return { hashes: this.#hashes, sizes: this.#sizes };
  }

  #hashes: Buffer = Buffer.alloc(0);
  #sizes = new Float64Array(0);
  #length = 0;

  /** @param hash 64 lower-case hex digits. */
  add(hash: string, size: number): void {
    if (this.#length === this.#sizes.length) this.#resize(Math.max(8, this.#length * 2));
    this.#hashes.write(hash, this.#length * digestBytes, 'hex');
    this.#sizes[this.#length] = size;
    this.#length++;
  }

  #resize(length: number): void {
    const [hashes, sizes] = [Buffer.alloc(length * digestBytes), new Float64Array(length)];
    hashes.set(this.#hashes.subarray(0, this.#length * digestBytes));
    sizes.set(this.#sizes.subarray(0, this.#length));
    [this.#hashes, this.#sizes] = [hashes, sizes];
  }

  /** Gives back what was taken for more of them. */
  trim(): this {
    this.#resize(this.#length);
    return this;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#hashes.length + this.#sizes.byteLength;
  }

  at(index: number): { hash: string; size: number } {
    const start = index * digestBytes;
    return {
      hash: this.#hashes.toString('hex', start, start + digestBytes),
      size: this.#sizes[index] ?? 0,
    };
  }
}
