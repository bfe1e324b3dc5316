// Waiting for what the server does by itself, by asking until it is so.

const patience = 60_000;

/**
 * Resolves with the value once it is as expected; rejects with the last one when that never happens.
 * @param milliseconds until that is said: more than the default for what takes the server a while by design.
 */
export async function until<T>(
  ask: () => T | Promise<T>,
  expected: (value: T) => boolean,
  what: string,
  milliseconds = patience,
): Promise<T> {
  for (const end = performance.now() + milliseconds; ; ) {
    const value = await ask();
    if (expected(value)) return value;
    if (performance.now() > end) throw new Error(`${what}: still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
