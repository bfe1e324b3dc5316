// Long texts made to be slow to read, given to everything of the data plane that reads text. Run as a program
// it feeds and reports; imported it starts that program with a limit on its CPU time, because a pattern that
// takes exponential time ends only with its process.

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Tokens } from '../../src/auth/tokens.ts';
import { authorizer } from '../../src/sites/authorize.ts';
import { openToAll } from '../../src/sites/grants.ts';
import { openTestApp, type TestApp } from './app.ts';
import { runtimeArguments } from './runtime.ts';
import { temporaryFolder } from './store.ts';

const program = fileURLToPath(import.meta.url);

/** Seconds of CPU time; feeding takes some 10. */
const cpuSeconds = 120;
/** Characters: what a request head may hold, less the rest of the head. */
const long = 30_000;
/** Characters that pass where a reader has a limit of its own; enough for exponential time to have no end. */
const short = 400;
const pieces = 10;
/** Microseconds of CPU time that any text may take: quadratic time takes a hundred times as long. */
const unsuspicious = 5000;
/** CPU time of one long text by that of its pieces. Linear time: 1; quadratic time: as many as pieces. */
const mostGrowth = 4;
const tries = 3;

const units = [
  ...' \t;,"\\=:/.-%(*&+?a0\xff',
  ...' ;|; | ,|""|\\"|a=|;a|;a=a|;a="a"|; a="|W/"a",|"a", |W/|:=|()|(a |sha-256=:|1.|Mon, '.split('|'),
  ...'a/|/a|..|../|.a|%41|%c3%a9|%2f|&a=|a-|gzip,|de-|de,'.split('|'),
];
const endings = ['', '@', '"', ',"', '=', 'a', '%', '\x80'];

/** How a text reaches the server, and what goes before it so that its middle is reached. */
const doors: Record<string, { before: string[]; ask: (app: TestApp, text: string) => Promise<unknown> }> = {
  ...fieldOfUpload('Content-Type', '', 'a/b', 'a/b ; c="', 'a/b;c='),
  ...fieldOfUpload('Content-Digest', '', 'sha-256=', 'sha-256=:', 'sha-256="', 'a;b='),
  ...fieldOfUpload('Repr-Digest', '', 'sha-256=(', 'sha-256=1'),
  ...fieldOfUpload('If-Match', '', '"a"', 'W/"a",'),
  ...fieldOfUpload('If-None-Match', '', '"a", "'),
  ...fieldOfUpload('If-Unmodified-Since', '', 'Mon, 01 Jan 2024 00:00:00 GMT', 'Mon, '),
  ...fieldOfUpload('Content-Encoding', '', 'identity', 'gzip,'),
  ...fieldOfUpload('Content-Disposition', '', 'a; b=', 'a; b="'),
  ...fieldOfUpload('Content-Language', '', 'de,', 'de-'),
  ...fieldOfUpload('Cache-Control', '', 'max-age=', 'private="', 'public,'),
  ...fieldOfUpload('Sealgate-Meta-A', ''),
  ...fieldOfUpload('Authorization', '', 'Bearer ', 'Bearer a', 'Bearer a=', 'Basic ', 'Basic YWFh'),
  line: { before: ['', 'a:'], ask: (app, text) => app.ask('GET', '/o/files/x', text, 'If-Match: *') },
  bucket: { before: ['', 'a'], ask: (app, text) => app.ask('GET', `/o/${text}/`) },
  name: { before: ['', 'a/'], ask: (app, text) => app.ask('GET', `/o/files/${text}`) },
  digest: { before: [''], ask: (app, text) => app.ask('GET', `/sha256/${text}`) },
  path: { before: [''], ask: (app, text) => app.ask('GET', `/${text}`) },
  query: {
    before: ['', 'limit=', 'prefix=', 'after=a&prefix=', 'delimiter=', 'versions&name='],
    ask: (app, text) => app.ask('GET', `/o/files/?${text}`),
  },
};

function fieldOfUpload(field: string, ...before: string[]) {
  const ask = (app: TestApp, text: string) =>
    app.ask('PUT', '/o/files/x', `${field}: ${text}`, 'Content-Length: 1');
  return { [field]: { before, ask } };
}

/** Its output: a line for each door that is opened, at last what grew too fast as a JSON array. */
export function startFeeding(): ChildProcess {
  const command = [process.execPath, ...runtimeArguments(), program, 'feed'];
  const limited = ['-c', `ulimit -t ${cpuSeconds}; exec "$@"`, 'sh', ...command];
  return spawn('sh', limited, { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function feed(): Promise<void> {
  const tokens = new Tokens(`${await temporaryFolder()}/tokens.json`);
  const app = await openTestApp({ authorize: withToken(tokens) });
  const grown: string[] = [];
  for (const [door, { before, ask }] of Object.entries(doors)) {
    console.log(door);
    for (const start of before)
      for (const unit of units)
        for (const end of endings) {
          const text = (length: number) => start + unit.repeat(length / unit.length) + end;
          const growth = await leastGrowthOf((length) => ask(app, text(length)));
          if (growth > mostGrowth) grown.push(`${door}: ${JSON.stringify([start, unit, end])}: ${growth}`);
        }
  }
  await app.close();
  console.log(JSON.stringify(grown));
}

// A request without Authorization is authorized, so that texts reach what comes after authorization.
function withToken(tokens: Tokens) {
  const authorize = authorizer(tokens, [], false);
  return (request: Parameters<typeof authorize>[0], action: 'read' | 'write', bucket?: string) => {
    return request.headers.get('authorization') === null ? openToAll : authorize(request, action, bucket);
  };
}

async function growthOf(ask: (length: number) => Promise<unknown>): Promise<number> {
  await ask(short);
  if ((await cpuOf(() => ask(long))) < unsuspicious) return 0;
  const whole = await least(() => ask(long));
  if (whole < unsuspicious) return 0;
  const inPieces = await least(async () => {
    for (let piece = 0; piece < pieces; piece++) await ask(long / pieces);
  });
  return whole / inPieces;
}

// A growth that is too fast is measured again: disturbance by other programs goes, that of a pattern stays.
async function leastGrowthOf(ask: (length: number) => Promise<unknown>): Promise<number> {
  let growth = await growthOf(ask);
  for (let each = 1; each < tries && growth > mostGrowth; each++) {
    growth = Math.min(growth, await growthOf(ask));
  }
  return growth;
}

// The least of some tries is free of the time that the garbage collector and the compiler take.
async function least(work: () => Promise<unknown>): Promise<number> {
  const taken: number[] = [];
  for (let each = 0; each < tries; each++) taken.push(await cpuOf(work));
  return Math.min(...taken);
}

/** Microseconds of CPU time. */
async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

if (process.argv[1] === program && process.argv[2] === 'feed') await feed();
