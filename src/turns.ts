// Turns: work on many items, a few of them at a time.

/**
 * Runs `work` for each item; the next item is asked for when one is done. Rejects with the first error, while
 * what is under way goes on.
 * @param isOver asked before each item; when it says true, no further item is begun.
 */
export async function inTurns<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  atATime: number,
  work: (item: Item) => Promise<void>,
  isOver: () => boolean = () => false,
): Promise<void> {
  const waiting = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const takeTurns = async () => {
    for (let next = await waiting.next(); !next.done && !isOver(); next = await waiting.next())
      await work(next.value);
  };
  await Promise.all(Array.from({ length: atATime }, takeTurns));
}
