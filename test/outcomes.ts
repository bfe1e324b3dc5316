// Outcomes: what one test program says happened, read from its report: JUnit XML, which the test runners of
// Node, Bun and Deno all write, or what doctest prints of a C++ test.

export interface Outcomes {
  passed: number;
  failed: number;
  /** A line or more for each failed test that its report names: the test and what it said. */
  failures: string[];
  /** One line for each skip: the test and the reason it gave. */
  skips: string[];
}

export function addOutcomes(a: Outcomes, b: Outcomes): Outcomes {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    failures: [...a.failures, ...b.failures],
    skips: [...a.skips, ...b.skips],
  };
}

// Quoted values may hold a bare `>`.
const testcase = /<testcase\b((?:[^>"]|"[^"]*")*?)(?:\/>|>(.*?)<\/testcase>)/gs;
const skipped = /<skipped\b((?:[^>"]|"[^"]*")*)>/;
const failure = /<(?:failure|error)\b((?:[^>"]|"[^"]*")*?)(?:\/>|>(.*?)<\/(?:failure|error)>)/s;
const linesOfAFailure = 8;
const failuresOfAProgram = 20;

export function outcomesOfJunit(xml: string): Outcomes {
  const outcomes: Outcomes = { passed: 0, failed: 0, failures: [], skips: [] };
  for (const [, attributes = '', body = ''] of xml.matchAll(testcase)) {
    const skip = skipped.exec(body);
    if (skip)
      outcomes.skips.push(`${attribute(attributes, 'name')}: ${skipReason(skip[1] ?? '', attributes)}`);
    else if (/<(failure|error)\b/.test(body)) {
      outcomes.failed += 1;
      outcomes.failures.push(`${attribute(attributes, 'name')}: ${whatWasSaid(body)}`);
    } else outcomes.passed += 1;
  }
  return outcomes;
}

const doctestSummary = /^\[doctest\] test cases: +\d+ \| +(\d+) passed \| +(\d+) failed/m;
/** A failed check with its place, and the lines below it with the values. */
const doctestError = /^native\/\S+:\d+: (?:FATAL )?ERROR: .*(?:\n {2}.*)*/gm;

/** A test that says it was skipped has not passed. Undefined when the program ended before its summary. */
export function outcomesOfDoctest(output: string): Outcomes | undefined {
  const [, passed, failed] = doctestSummary.exec(output) ?? [];
  if (passed === undefined) return undefined;
  const failures = [...output.matchAll(doctestError)].map(([text]) => text).slice(0, failuresOfAProgram);
  const skips = skipLines(output);
  return { passed: Number(passed) - skips.length, failed: Number(failed), failures, skips };
}

/** The first lines of a failure. */
function whatWasSaid(body: string): string {
  const [, attributes = '', text = ''] = failure.exec(body) ?? [];
  const message = text.trim() === '' ? attribute(attributes, 'message') : unescaped(text);
  const lines = message.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(0, linesOfAFailure).join('\n    ').slice(0, 1000);
}

function skipLines(output: string): string[] {
  return [...output.matchAll(/^skip(?:ped)?: (.*)$/gm)].map((match) => match[1] ?? '');
}

/** Bun and Deno leave the reason out of their reports; then the line says where it stands. */
function skipReason(skip: string, test: string): string {
  const reason = attribute(skip, 'message');
  const file = attribute(test, 'file') || attribute(test, 'classname');
  return reason === '' ? `the reason stands at ${file}:${attribute(test, 'line')}` : reason;
}

function attribute(attributes: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? '';
  return unescaped(value);
}

function unescaped(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp|#10);/g, (_, entity: string) => entities[entity] ?? '');
}

const entities: Record<string, string> = {
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  amp: '&',
  '#10': '\n',
};
