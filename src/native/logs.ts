// The engine's log sinks (native/base/log_sink.h): files that lines are written to by threads of their own,
// so that nobody waits for a disk, a pipe or a terminal. Types only; addon.ts exports them with its own.

export interface LogState {
  /** Bytes of lines that are not written yet. */
  waiting: number;
  /** Milliseconds since a line was written, while lines wait; 0: none waits. */
  stalledMs: number;
  /** Why the last attempt to write failed, as `write: No space left on device`; empty: it did not. */
  failure: string;
}

export interface EngineLogs {
  /**
   * Every response is written there from now on, as a JSON line. `-`: standard output. The same path again
   * opens a new file where the old one was renamed. Empty: no response is from now on, and what waits is
   * written. Throws when it cannot be opened.
   * @param fields what of a request's fields is in them, by the names of `log.fields`.
   */
  openAccessLog(path: string, fields: readonly string[]): void;
  /** Where `writeLog` writes from now on. */
  openLog(descriptor: number): void;
  /** A line of the server's own log, newline included. False: it found no room, and is counted. */
  writeLog(line: string): boolean;
  /** `dropped`: lines lost; those of the access log are in the reactors' counters. */
  logs(): { log: LogState & { dropped: number }; access: LogState };
  /** No core of this process is written from now on (core(5)). */
  forbidCoreDumps(): void;
  /**
   * Ends the process with this status once both logs are written, or after so many milliseconds for each.
   * Waits for no other thread and runs no exit handler.
   */
  endProcess(status: number, milliseconds: number): never;
}
