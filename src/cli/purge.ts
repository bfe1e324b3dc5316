// purge: what a running server has told CDNs and caches of changes, and what waits to be told.

import type { Command } from 'commander';
import type { HookStatus } from '../purge/hook.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { withExamples } from './site.ts';

type Options = ControlOptions & { json?: true };

export function addPurge(program: Command): void {
  const command = program.command('purge').description('what hooks tell CDNs and caches of changed names');
  const add = (name: string, what: string, run: (options: Options & { why?: string }) => Promise<void>) =>
    withControl(command.command(name))
      .description(what)
      .option('--json', 'print one JSON object')
      .action(run);
  add('status', 'say what waits, and why', status);
  add('retry', 'try again now what has failed', (options) => post('/purges/retry', options, {}));
  const everything = add('everything', 'have all hooks purge everything', ({ why, ...options }) =>
    post('/purges/everything', options, why === undefined ? {} : { why }),
  );
  everything.option('--why <text>', 'the reason, for the audit log');
  command.addHelpText(
    'after',
    `
Hooks are in the configuration, purge.hooks; docs/purging.md has those of Fastly, Cloudflare and Varnish.
Exit status of all three: 1 when the last attempt of a hook failed.`,
  );
  withExamples(command, 'sealgate purge status', "sealgate purge everything --why 'restored a backup'");
}

async function status(options: Options): Promise<void> {
  const client = await ControlClient.of(options);
  show(await client.get<{ hooks: HookStatus[] }>('/purges'), options);
}

async function post(path: string, options: Options, body: object): Promise<void> {
  const client = await ControlClient.of(options);
  show(await client.post<{ hooks: HookStatus[] }>(path, body), options);
}

function show({ hooks }: { hooks: HookStatus[] }, { json }: Options): void {
  if (json) console.log(JSON.stringify({ hooks }));
  else if (hooks.length === 0) console.log('there are no hooks; they are purge.hooks of the configuration');
  else for (const hook of hooks) console.log(lines(hook).join('\n'));
  if (hooks.some(({ fault }) => fault !== undefined)) process.exitCode = 1;
}

const time = (at: number) => new Date(at).toISOString().slice(0, 19).replace('T', ' ');

function lines({ name, names, since, everything, sent, failures, fault, retryAt }: HookStatus): string[] {
  const waits =
    everything === undefined ? `${names} names wait` : `everything is to be purged: ${everything}`;
  const oldest = since === undefined ? '' : `, the oldest since ${time(since)}`;
  return [
    `${name}: ${waits}${oldest}; sent ${sent}, failed ${failures}`,
    ...(fault === undefined ? [] : [`  ${fault}`]),
    ...(retryAt === undefined ? [] : [`  next attempt ${time(retryAt)}`]),
  ];
}
