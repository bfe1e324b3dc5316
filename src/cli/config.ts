// config: checks and shows the configuration.

import type { Command } from 'commander';
import { checkPurgeSecrets } from '../auth/secret_line.ts';
import { SigningKeys } from '../auth/signing_keys.ts';
import { configPath, fileOf, settings } from '../config/config.ts';
import { gcWarnings } from '../config/gc.ts';
import { jsonSchema } from '../config/schema.ts';
import { siteWarnings } from '../config/site_warnings.ts';
import { TlsFiles } from '../engine/tls_files.ts';
import type { Preview, Reloaded } from '../server/reload.ts';
import { readUpstreamFiles } from '../upstream/upstream.ts';
import { bucketWarnings } from './bucket_warnings.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { NoServer, sayError } from './say.ts';
import { type SiteOptions, siteConfig, storeFlag, withExamples, withSite } from './site.ts';

export function addConfig(program: Command): void {
  const config = program.command('config').description('check and show the configuration');
  withExamples(config, 'sealgate config check', 'SEALGATE_WORKERS=2 sealgate config show');
  const checking = withControl(config.command('check').option(...storeFlag))
    .description('report all errors in the configuration, and what a reload would change')
    .option('--json', 'print what a reload would change as JSON')
    .addHelpText(
      'after',
      `
A server that reads the same file is asked, at its control plane: GET /reload. Without one nothing is said of
a reload, and with --control of one that reads another file, just that.`,
    )
    .action(check);
  withExamples(checking, 'sealgate config check --config site/sealgate.json');
  const showing = withSite(config.command('show'))
    .description('print the configuration with all defaults filled in')
    .action(show);
  withExamples(showing, 'SEALGATE_WORKERS=2 sealgate config show');
  const reloading = withControl(config.command('reload'))
    .description('have a running server read its configuration, certificates and keys again, as SIGHUP does')
    .option('--json', 'print what changed as JSON')
    .addHelpText('after', '\nOver HTTP, at the control plane: POST /reload, without a body.')
    .action(reload);
  withExamples(reloading, 'sealgate config reload --config site/sealgate.json');
  const schema = config
    .command('schema')
    .description('print the JSON Schema of the configuration file: every setting and its default')
    .action(() => console.log(JSON.stringify(jsonSchema(), null, 2)));
  withExamples(schema, 'sealgate config schema > sealgate.schema.json');
  const variables = config
    .command('variables')
    .description('list the environment variables that override settings')
    .option('--json', 'print one JSON object per line')
    .action(({ json }: { json?: true }) => {
      for (const [setting, { variable }] of Object.entries(settings))
        console.log(json ? JSON.stringify({ variable, setting }) : `${variable.padEnd(30)} ${setting}`);
    });
  withExamples(variables, 'sealgate config variables');
}

interface CheckOptions extends SiteOptions, ControlOptions {
  json?: true;
}

async function check(options: CheckOptions): Promise<void> {
  const config = await siteConfig(options);
  new SigningKeys(config.sites);
  checkPurgeSecrets(config.purge);
  for (const [name, upstream] of Object.entries(config.upstreams)) readUpstreamFiles(name, upstream);
  if (config.listeners.some((each) => each.tls)) await new TlsFiles(config.tls, '').read();
  warn([...siteWarnings(config), ...gcWarnings(config)]);
  const preview = await previewed(options);
  // What a running server says of its buckets; without one, what its store says.
  warn(preview?.warnings ?? (await bucketWarnings(config)));
  if (options.json) return console.log(JSON.stringify(preview ?? null));
  console.log('the configuration is good');
  if (!preview) return;
  const { restart } = preview;
  const changes = changesOf(preview);
  console.log(changes.length > 0 ? 'a reload would change:' : 'a reload would change nothing');
  for (const change of changes) console.log(`  ${change}`);
  if (restart.length > 0) console.log(`takes a restart: ${restart.join(', ')}`);
}

function warn(warnings: readonly string[] = []): void {
  for (const warning of warnings) sayError(`warning: ${warning}`);
}

/** What a reload of the server that reads this file would change; undefined: there is none. */
async function previewed({ config, control, tokenFile, cacert }: CheckOptions): Promise<Preview | undefined> {
  const isNamed = control !== undefined || Boolean(process.env.SEALGATE_CONTROL);
  const given = { ...(config !== undefined && { config }), ...(control !== undefined && { control }) };
  const trust = { ...(tokenFile !== undefined && { tokenFile }), ...(cacert !== undefined && { cacert }) };
  try {
    const preview = await (await ControlClient.of({ ...given, ...trust })).get<Preview>('/reload');
    const path = configPath({ file: config });
    if (preview.file === path) return preview;
    if (isNamed) sayError(`the server reads ${preview.file || 'no file'}, and not ${path}`);
  } catch (error) {
    if (isNamed || !(error instanceof NoServer))
      sayError(`what a reload would change is not known: ${(error as Error).message}`);
  }
  return undefined;
}

/** A running server of an earlier version tells nothing of its upstreams, and does not warn. */
type Told = Omit<Reloaded, 'upstreams' | 'warnings'> & Partial<Reloaded>;

function changesOf({ sites, upstreams, buckets, settings }: Told): string[] {
  return [
    ...buckets.map((bucket) => `added    bucket ${bucket}`),
    ...(upstreams ? linesOf(upstreams, 'upstream ') : []),
    ...linesOf(sites, ''),
    ...settings.map((setting) => `changed  ${setting}`),
  ];
}

function linesOf({ added, removed, changed }: Reloaded['sites'], what: string): string[] {
  return [
    ...added.map((name) => `added    ${what}${name}`),
    ...removed.map((name) => `removed  ${what}${name}`),
    ...Object.entries(changed).map(([name, its]) => `changed  ${what}${name}: ${its.join(', ')}`),
  ];
}

async function show(options: SiteOptions): Promise<void> {
  console.log(JSON.stringify(fileOf(await siteConfig(options)), null, 2));
}

async function reload({ json, ...options }: ControlOptions & { json?: true }): Promise<void> {
  const reloaded = await (await ControlClient.of(options)).post<Told>('/reload');
  if (json) return console.log(JSON.stringify(reloaded));
  const { sites, restart, warnings } = reloaded;
  for (const change of changesOf(reloaded)) console.log(change);
  console.log(`${sites.unchanged} ${sites.unchanged === 1 ? 'site is' : 'sites are'} as before`);
  warn(warnings);
  if (restart.length > 0) sayError(`changed, too, and takes a restart: ${restart.join(', ')}`);
}
