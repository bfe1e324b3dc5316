// Pause: a time in which changes wait, until they can be made or never will be.

export class Pause {
  #end: (() => void) | undefined;
  /** Settles with the end of the pause; undefined: there is none. */
  over: Promise<void> | undefined;

  begin(): void {
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  end(): void {
    this.over = undefined;
    this.#end?.();
  }
}

/** Work by itself that can be ended for a while. */
export interface Pausable {
  /** Resolves when nothing is under way. Nothing begins before `resume`. */
  pause(): Promise<void> | void;
  resume(): Promise<void> | void;
}
