// Circuit: whether an upstream that has failed several times in a row is asked again. While the circuit is
// open nobody waits for it; then one request tries, and the rest wait for what becomes of it.

const failuresToOpen = 5;
/** Milliseconds; each trial that fails doubles it. */
const firstPause = 1000;
const longestPause = 60_000;

export class Circuit {
  readonly #now: () => number;
  #failures = 0;
  #pause = firstPause;
  #until = 0;
  #isTried = false;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get isOpen(): boolean {
    return this.#failures >= failuresToOpen;
  }

  /** Milliseconds until the upstream may be asked; 0: now. Then `succeeded` or `failed` has to be called. */
  enter(): number {
    if (!this.isOpen) return 0;
    const left = this.#until - this.#now();
    if (left > 0 || this.#isTried) return Math.max(left, firstPause);
    this.#isTried = true;
    return 0;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#pause = firstPause;
    this.#isTried = false;
  }

  /** @returns whether it has opened by this. */
  failed(): boolean {
    // Asked before it opened: that they fail, too, tells nothing new.
    if (this.isOpen && !this.#isTried) return false;
    this.#failures++;
    if (!this.isOpen) return false;
    const opens = this.#failures === failuresToOpen;
    if (!opens) this.#pause = Math.min(this.#pause * 2, longestPause);
    this.#until = this.#now() + this.#pause;
    this.#isTried = false;
    return opens;
  }

  /** What was asked for says nothing of the upstream. */
  leave(): void {
    this.#isTried = false;
  }
}
