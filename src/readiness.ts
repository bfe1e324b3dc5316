// Readiness: why the server should be sent no requests now. Each part of it that can fail adds a look at
// itself; /readyz takes them all.

/** What is wrong, as a sentence that names the thing; undefined: nothing. */
export type Look = () => string | undefined | Promise<string | undefined>;

/** Milliseconds for a look: a disk or a mount that does not answer is a fault of its own. */
const lookTimeout = 2_000;

export class Readiness {
  readonly #looks = new Map<string, Look>();

  /** @param part what is looked at; a second look at the same part takes the place of the first. */
  add(part: string, look: Look): void {
    this.#looks.set(part, look);
  }

  /** A line for each part that is not well. Never rejects. */
  async faults(): Promise<string[]> {
    const told = await Promise.all([...this.#looks].map(([part, look]) => faultOf(part, look)));
    return told.filter((fault) => fault !== undefined);
  }
}

async function faultOf(part: string, look: Look): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${lookTimeout} ms`), lookTimeout);
  });
  try {
    const fault = await Promise.race([look(), late]);
    return fault === undefined ? undefined : `${part}: ${fault}`;
  } catch (error) {
    return `${part}: ${(error as Error).message}`;
  } finally {
    clearTimeout(timer);
  }
}
