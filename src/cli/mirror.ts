// mirror: what the mirrors of a running server keep, and what is asked of them: to fetch ahead, to forget,
// and to compare with what upstreams have.

import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import type { Checked, KeptObject, MirrorStatus, Warmed } from '../protocols/mirror/operating.ts';
import { inTurns } from '../turns.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { numberOf, sayError, UsageError } from './say.ts';
import { isoTime, withExamples } from './site.ts';
import { humanBytes } from './units.ts';

type Options = ControlOptions & { json?: true };

/** Names that are compared in one request. */
const comparedAtOnce = 8;
/** Milliseconds between two lines of progress. */
const lineEvery = 5000;

export function addMirror(program: Command): void {
  const command = program
    .command('mirror')
    .description('what the mirrors of a running server keep; fetch ahead, forget, compare with upstreams');
  const add = (name: string, what: string) =>
    withControl(command.command(name)).description(what).option('--json', 'print one JSON object per line');
  withExamples(
    add('ls', 'list the mirrors; with a bucket, what is kept in it from upstreams, and until when')
      .argument('[bucket[/prefix]]')
      .action(ls),
    'sealgate mirror ls',
    'sealgate mirror ls mirror/v1/ --json',
  );
  withExamples(
    add('warm', 'fetch objects before somebody asks for them; names come from standard input without any')
      .argument('[what...]', 'BUCKET/NAME, a URL as clients send it, or an image BUCKET/REPOSITORY:TAG')
      .option('--concurrency <n>', 'objects asked for at a time', '4')
      .action(warm)
      .addHelpText('after', '\nExit status: 1 when one of them was not to be had.'),
    'sealgate mirror warm mirror/v1/a.tgz https://files.example.com/mirror/v1/b.tgz',
    'sealgate mirror warm --concurrency 8 < names.txt',
  );
  withExamples(
    add('forget', 'remove what can be fetched again; the next request fetches it')
      .argument('<bucket/name...>', 'names, or patterns: * within a segment, ** for segments, ?, {a,b}, [ab]')
      .option('--why <text>', 'the reason, for the audit log')
      .action(forget)
      .addHelpText(
        'after',
        '\nWhat no upstream sent and what matches "local" stays, and is listed: exit status 1.',
      ),
    'sealgate mirror forget mirror/v1/a.tgz',
    "sealgate mirror forget 'mirror/v1/**' --why 'published anew'",
  );
  withExamples(
    add('check', 'ask upstreams whether what is kept is still what they have; nothing is fetched')
      .argument('<bucket[/prefix]>')
      .action(check)
      .addHelpText(
        'after',
        '\nExit status: 1 when something changed, is gone there, or could not be compared.',
      ),
    'sealgate mirror check mirror/v1/',
  );
  withExamples(command, 'sealgate mirror ls', 'sealgate mirror warm mirror/v1/a.tgz');
}

/** The bucket, and the rest. */
function divided(text: string, what: string): { bucket: string; rest: string } {
  const slash = text.indexOf('/');
  const [bucket, rest] = slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash + 1)];
  if (bucket === '') throw new UsageError(`expected ${what}, got '${text}'`);
  return { bucket, rest };
}

async function ls(where: string | undefined, options: Options): Promise<void> {
  const client = await ControlClient.of(options);
  if (where === undefined) {
    const { mirrors } = await client.get<{ mirrors: MirrorStatus[] }>('/mirrors');
    for (const each of mirrors) console.log(options.json ? JSON.stringify(each) : mirrorLine(each));
    if (mirrors.length === 0)
      sayError("there are no mirrors; they are sites of the protocols 'mirror' and 'oci' with upstreams");
    return;
  }
  const { bucket, rest } = divided(where, 'BUCKET or BUCKET/PREFIX');
  for await (const each of objectsOf(client, bucket, rest))
    console.log(options.json ? JSON.stringify({ bucket, ...withDates(each) }) : objectLine(each));
}

async function* objectsOf(client: ControlClient, bucket: string, prefix: string): AsyncGenerator<KeptObject> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const query = new URLSearchParams({ bucket, prefix, after });
    const page: { objects: KeptObject[]; next?: string } = await client.get(`/mirrors/objects?${query}`);
    yield* page.objects;
    after = page.next;
  }
}

function mirrorLine({
  site,
  bucket,
  prefix,
  bytes,
  objects,
  maxBytes,
  evicted,
  upstreams,
}: MirrorStatus): string {
  const bound = maxBytes === undefined ? '' : ` of ${humanBytes(maxBytes)}`;
  const from = upstreams.map(({ name, offline }) => (offline ? `${name} (offline)` : name)).join(', ');
  // What is counted, and bounded, is of the whole bucket.
  const into = prefix === '' ? bucket : `${prefix} of ${bucket}, which`;
  return [
    `${site}: ${into} has ${humanBytes(bytes)}${bound} in ${objects} objects, from ${from}`,
    ...(evicted.objects > 0 ? [`  evicted ${evicted.objects} objects, ${humanBytes(evicted.bytes)}`] : []),
  ].join('\n');
}

function withDates({ fetched, used, fresh, ...others }: KeptObject): object {
  return {
    ...{ ...others, fetched: isoTime(fetched) },
    ...(used !== undefined && { used: isoTime(used) }),
    ...(fresh !== undefined && { fresh: isoTime(fresh) }),
  };
}

const minute = (at: number | undefined, otherwise: string) =>
  (at === undefined ? otherwise : isoTime(at).slice(0, 16).replace('T', ' ')).padEnd(16);

function objectLine({ name, size, fetched, used, fresh, upstream, made }: KeptObject): string {
  const from = upstream ?? (made ? 'made here' : 'stored here');
  const until = upstream === undefined ? '-' : 'always fresh';
  return [
    ...[humanBytes(size).padStart(9), `fetched ${minute(fetched, '')}`, `used ${minute(used, '-')}`],
    ...[`fresh until ${minute(fresh, until)}`, from.padEnd(12), name],
  ].join('  ');
}

async function warm(given: string[], options: Options & { concurrency: string }): Promise<void> {
  const isCount = (n: number) => Number.isInteger(n) && n >= 1 && n <= 64;
  const atATime = numberOf('--concurrency', options.concurrency, 'a whole number from 1 to 64', isCount);
  const client = await ControlClient.of(options);
  const counts = new Map<string, number>();
  let said = performance.now();
  await inTurns(given.length > 0 ? given : lines(), atATime, async (what) => {
    const warmed = await warmOne(client, what);
    counts.set(warmed.outcome, (counts.get(warmed.outcome) ?? 0) + 1);
    if (options.json) console.log(JSON.stringify(warmed));
    else if (isMissing(warmed)) sayError(`sealgate: ${what}: ${warmed.outcome}: ${warmed.why}`);
    if (isMissing(warmed)) process.exitCode = 1;
    if (performance.now() - said < lineEvery) return;
    said = performance.now();
    sayError(textOf(counts));
  });
  if (!options.json) console.log(counts.size > 0 ? textOf(counts) : 'nothing was asked for');
}

const isMissing = ({ outcome }: Warmed) => outcome === 'absent' || outcome === 'failed';
const textOf = (counts: ReadonlyMap<string, number>) =>
  [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ');

async function warmOne(client: ControlClient, what: string): Promise<Warmed> {
  for (;;) {
    const { warmed } = await client.post<{ warmed: [Warmed] }>('/mirrors/warm', { what: [what] });
    if (warmed[0].outcome !== 'under-way') return warmed[0];
  }
}

/** Of standard input, without empty ones. */
async function* lines(): AsyncGenerator<string> {
  if (process.stdin.isTTY) throw new UsageError('expected names as arguments or on standard input');
  for await (const line of createInterface({ input: process.stdin }))
    if (line.trim() !== '') yield line.trim();
}

async function forget(given: string[], { why, ...options }: Options & { why?: string }): Promise<void> {
  const client = await ControlClient.of(options);
  for (const each of given) {
    const { bucket, rest: pattern } = divided(each, 'BUCKET/NAME or BUCKET/PATTERN');
    if (pattern === '')
      throw new UsageError(`${each}: expected a name or pattern; all names are '${bucket}/**'`);
    let count = 0;
    for (let after: string | undefined = ''; after !== undefined; ) {
      const asked = { bucket, pattern, after, ...(why !== undefined && { why }) };
      const page: { forgotten: string[]; stay: string[]; next?: string } = await client.post(
        '/mirrors/forget',
        asked,
      );
      count += page.forgotten.length;
      if (options.json) for (const name of page.forgotten) console.log(JSON.stringify({ bucket, name }));
      for (const name of page.stay)
        sayError(`sealgate: ${bucket}/${name}: stays; no upstream has it for sure`);
      if (page.stay.length > 0) process.exitCode = 1;
      after = page.next;
    }
    if (!options.json) console.log(`${each}: ${count} forgotten`);
  }
}

async function check(where: string, options: Options): Promise<void> {
  const { bucket, rest } = divided(where, 'BUCKET or BUCKET/PREFIX');
  const client = await ControlClient.of(options, 600_000);
  const counts = new Map<string, number>();
  const compare = async (names: string[]) => {
    const { checked } = await client.post<{ checked: Checked[] }>('/mirrors/check', { bucket, names });
    for (const { name, outcome, why } of checked) {
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      if (outcome !== 'same') process.exitCode = 1;
      if (options.json) console.log(JSON.stringify({ bucket, name, outcome, ...(why && { why }) }));
      else if (outcome !== 'same') console.log(`${outcome}  ${bucket}/${name}${why ? `: ${why}` : ''}`);
    }
  };
  let names: string[] = [];
  for await (const { name, upstream } of objectsOf(client, bucket, rest)) {
    if (upstream === undefined) continue;
    names.push(name);
    if (names.length < comparedAtOnce) continue;
    await compare(names);
    names = [];
  }
  if (names.length > 0) await compare(names);
  if (!options.json) console.log(counts.size > 0 ? textOf(counts) : 'nothing from an upstream is kept there');
}
