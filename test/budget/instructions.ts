// Instructions of the engine for one answer, counted by callgrind: the same on a busy machine as on an idle
// one, so that a small loss of speed is seen where times would hide it.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What one connection asks for. */
export interface Path {
  protocol: 'plain' | 'tls';
  /** What it takes, which it has: a bearer token; a URL with a signature, verified earlier or each time. */
  reads: 'open' | 'token' | 'signed' | 'verified';
  /** Bytes of the body. */
  size: number;
  /** Answers of the longer run. */
  answers: number;
}

const run = promisify(execFile);
/** Milliseconds for a run: some twenty times what one takes. */
const timeout = 100_000;
/** Answers of the shorter run: past the first one, which is planned and proved. */
const few = 20;

/** User-mode instructions for an answer: what a long run takes more than a short one, by the answers more. */
export async function instructionsPerAnswer(path: Path, certificate: string, key: string): Promise<number> {
  const count = (answers: number) => instructions(path, answers, certificate, key);
  return ((await count(path.answers)) - (await count(few))) / (path.answers - few);
}

/** Instructions of the process with the reactor; its client is another process. */
async function instructions(
  { protocol, reads, size }: Path,
  answers: number,
  certificate: string,
  key: string,
) {
  const callgrind = ['--tool=callgrind', '--callgrind-out-file=/dev/null'];
  const words = [protocol, reads, `${size}`, `${answers}`, certificate, key];
  const counting = run('valgrind', [...callgrind, 'build/test/request_path', ...words], { timeout });
  const { pid } = counting.child;
  const { stderr } = await counting;
  const collected = new RegExp(`^==${pid}== Collected : (\\d+)$`, 'm').exec(stderr)?.[1];
  if (collected === undefined) throw new Error(`valgrind counted nothing:\n${stderr}`);
  return Number(collected);
}
