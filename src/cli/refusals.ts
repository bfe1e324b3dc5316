// What a server refuses, with what to do about it.

const wantsToken =
  "make one with 'sealgate token add write:BUCKET --output FILE' on the server's host, and give it in " +
  '--token-file or $SEALGATE_TOKEN';

/** By the problem's name. */
const remedies: Record<string, string> = {
  'bucket-unknown': "'sealgate bucket create' makes one, 'sealgate bucket ls' shows all",
};

/** An error response of the server; the message says what is wrong and what to do. */
export class Refused extends Error {
  readonly status: number;
  /** The problem's name (src/errors.ts); empty when the response had none. */
  readonly problem: string;
  constructor(message: string, status: number, problem: string) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

/** @param where the server, for the message. */
export function refusalOf({ status, text }: { status: number; text: string }, where: string): Refused {
  const { title = '', detail = '' } = problemIn(text);
  const said = detail || `it answered ${status}`;
  const remedy = status === 401 ? wantsToken : remedyOf(title);
  return new Refused(`${where}: ${withRemedy(said, remedy)} (${status})`, status, title);
}

/** What to do about a problem; undefined: its detail says it. */
export function remedyOf(problem: string): string | undefined {
  return Object.hasOwn(remedies, problem) ? remedies[problem] : undefined;
}

export function withRemedy(detail: string, remedy: string | undefined): string {
  return remedy === undefined ? detail : `${detail.replace(/\.$/, '')}; ${remedy}`;
}

export function problemIn(text: string): { title?: string; detail?: string } {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
