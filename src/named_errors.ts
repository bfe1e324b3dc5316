// Errors of the system with the path of the file that they are about. What fails on an open file (a read, a
// write, an fsync) says what failed and not where; so does a removal on Deno.

/** The error, its path and message completed where it is one of the system without a path. */
export function named(path: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, path: known } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string' || known !== undefined || error.message.includes(path)) return error;
  return Object.assign(error, { path, message: `${error.message} '${path}'` });
}

/** Rejects as `work` does, with the path. */
export async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw named(path, error);
  }
}

/** Throws as `work` does, with the path. */
export function namingSync<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw named(path, error);
  }
}
