// Totals: counters of several parts of the server by their names, put together.

type Counts = Record<string, number>;

/**
 * All of them in one object, of which the last that has a name decides. It has no prototype: V8 keeps such an
 * object as a table. For any other, each of the hundreds of names is a shape more, which is made anew once it
 * was collected; that was most of what an idle server did.
 */
export function together(...parts: (Counts | undefined)[]): Counts {
  return Object.assign(Object.create(null), ...parts);
}
