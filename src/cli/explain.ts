// explain: says what a running server answers a URL with, and why.

import type { Command } from 'commander';
import { counted } from '../counted.ts';
import type { Explanation } from '../sites/explain.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { withExamples } from './site.ts';

export function addExplain(program: Command): void {
  const command = withControl(program.command('explain'))
    .description('say which site, object and rules answer a URL, and why')
    .argument('<url>', 'as clients ask for it; its host need not be that of this server')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
A running server is asked, at its control plane: GET /explain?url=URL. It answers as to a GET of a client that
may read; rules have the numbers that they have in the configuration, from 0 on.`,
    )
    .action(explain);
  withExamples(command, 'sealgate explain https://www.example.com/blog/a');
}

async function explain(url: string, { json, ...options }: ControlOptions & { json?: true }): Promise<void> {
  const client = await ControlClient.of(options);
  const said = await client.get<Explanation>(`/explain?url=${encodeURIComponent(url)}`);
  if (json) return console.log(JSON.stringify(said));
  for (const [name, value] of lines(said)) console.log(`${name.padEnd(10)}${value}`);
}

function lines(said: Explanation): [name: string, value: string][] {
  const { site, others, elsewhere, redirect, object, fields, cors, grant, answer } = said;
  const found = site && `${site.host}${site.path}, protocol ${site.protocol}`;
  const inBucket = site?.bucket === undefined ? '' : `, bucket ${site.bucket}`;
  const seen =
    said.seen === undefined ? ' (means nothing)' : said.seen === said.path ? '' : ` (is ${said.seen})`;
  return [
    ['path', said.path + seen],
    ['site', found ? found + inBucket : 'none'],
    ...part('public', said.publicUrl),
    ...others.map(({ site: its, why }): [string, string] => ['not', `${its}: ${why}`]),
    ...(elsewhere > 0 ? [['not', `${counted(elsewhere, 'site')} of other hosts`] as [string, string]] : []),
    ...part('redirect', redirect && `redirects.${redirect.rule} ${redirect.match} to ${redirect.to}`),
    ...part('object', object && `${object.bucket}/${object.name}`),
    ...part('caching', cachingLine(said)),
    ...fields.map(({ rule, match }): [string, string] => ['fields', `fields.${rule} ${match}`]),
    ...part('cors', cors && `pages of ${cors.origins.join(', ')}`),
    ...accessLines(said.access ?? {}),
    ...part('grant', grant === undefined ? undefined : grant === '' ? 'none: everybody may read' : grant),
    ['answer', `${answer.status}${answer.problem ? ` ${answer.problem}` : ''}`],
    ...part('bytes', answer.digest && `sha256:${answer.digest}, ${counted(answer.size ?? 0, 'byte')}`),
    ['kept', answer.kept ? 'by the workers, which answer without the application' : 'no'],
    ...answer.fields.map(([name, value]): [string, string] => ['', `${name}: ${value}`]),
  ];
}

function cachingLine({ site, caching, preset }: Explanation): string | undefined {
  if (caching) return `caching.${caching.rule} ${caching.match}`;
  return preset ? `preset ${preset.name}: ${preset.role}` : site && 'no rule';
}

function accessLines({ allow = [], deny = [], signed, token }: NonNullable<Explanation['access']>) {
  return [
    ...part('access', deny.length > 0 ? `not from ${deny.join(', ')}` : ''),
    ...part('access', allow.length > 0 ? `from ${allow.join(', ')}` : ''),
    ...part('access', signed && `a signature is ${signed}; below is the answer to a URL that has one`),
    ...part('access', token && 'a token is required'),
  ];
}

function part(name: string, value: string | undefined): [string, string][] {
  return value === undefined || value === '' ? [] : [[name, value]];
}
