// Readiness: the reasons why the server should not get requests. Each part of the server that can fail adds
// a check; /readyz runs all of them.

/** A check: a sentence that says what is wrong, or undefined when nothing is. */
export type Check = () => string | undefined | Promise<string | undefined>;

/** Milliseconds for a check. A disk or mount that does not answer is a fault too. */
const checkTimeout = 2_000;

export class Readiness {
  readonly #checks = new Map<string, Check>();

  /** @param part the name of what is checked; a second check for the same part replaces the first. */
  add(part: string, check: Check): void {
    this.#checks.set(part, check);
  }

  /** One line for each part with a fault. Never rejects. */
  async faults(): Promise<string[]> {
    const faults = await Promise.all([...this.#checks].map(([part, check]) => faultOf(part, check)));
    return faults.filter((fault) => fault !== undefined);
  }
}

/** Why the server should get no traffic, besides its state. @param sentinel what it last found. */
export async function faultsOf(
  sentinel: { alarm?: string | undefined } | undefined,
  readiness: Readiness,
): Promise<string[]> {
  const alarm = sentinel?.alarm;
  return [...(alarm === undefined ? [] : [alarm]), ...(await readiness.faults())];
}

async function faultOf(part: string, check: Check): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${checkTimeout} ms`), checkTimeout);
  });
  try {
    const fault = await Promise.race([check(), late]);
    return fault === undefined ? undefined : `${part}: ${fault}`;
  } catch (error) {
    return `${part}: ${(error as Error).message}`;
  } finally {
    clearTimeout(timer);
  }
}
