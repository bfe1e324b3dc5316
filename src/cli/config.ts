// config: checks and shows the configuration.

import type { Command } from 'commander';
import { SigningKeys } from '../auth/signing_keys.ts';
import { fileOf, settings } from '../config.ts';
import { jsonSchema } from '../config_schema.ts';
import { TlsFiles } from '../engine/tls_files.ts';
import type { Reloaded } from '../server/reload.ts';
import { siteWarnings } from '../site_warnings.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { sayError } from './say.ts';
import { type SiteOptions, siteConfig, withExamples, withSite } from './site.ts';

export function addConfig(program: Command): void {
  const config = program.command('config').description('check and show the configuration');
  withExamples(config, 'sealgate config check', 'SEALGATE_WORKERS=2 sealgate config show');
  const checking = withSite(config.command('check'))
    .description('report all errors in the configuration')
    .action(check);
  withExamples(checking, 'sealgate config check --config site/sealgate.json');
  const showing = withSite(config.command('show'))
    .description('print the configuration with all defaults filled in')
    .action(show);
  withExamples(showing, 'SEALGATE_WORKERS=2 sealgate config show');
  const reloading = withControl(config.command('reload'))
    .description('have a running server read its sites, certificates and keys again, as SIGHUP does')
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
        console.log(json ? JSON.stringify({ variable, setting }) : `${variable.padEnd(28)} ${setting}`);
    });
  withExamples(variables, 'sealgate config variables');
}

async function check(options: SiteOptions): Promise<void> {
  const config = await siteConfig(options);
  new SigningKeys(config.sites);
  if (config.listeners.some((each) => each.tls)) await new TlsFiles(config.tls, '').read();
  for (const warning of siteWarnings(config)) sayError(`warning: ${warning}`);
  console.log('the configuration is good');
}

async function show(options: SiteOptions): Promise<void> {
  console.log(JSON.stringify(fileOf(await siteConfig(options)), null, 2));
}

async function reload({ json, ...options }: ControlOptions & { json?: true }): Promise<void> {
  const reloaded = await (await ControlClient.of(options)).post<Reloaded>('/reload');
  if (json) return console.log(JSON.stringify(reloaded));
  const { sites, restart } = reloaded;
  for (const site of sites.added) console.log(`added    ${site}`);
  for (const site of sites.removed) console.log(`removed  ${site}`);
  for (const [site, settings] of Object.entries(sites.changed))
    console.log(`changed  ${site}: ${settings.join(', ')}`);
  console.log(`${sites.unchanged} ${sites.unchanged === 1 ? 'site is' : 'sites are'} as before`);
  if (restart.length > 0) sayError(`changed, too, and takes a restart: ${restart.join(', ')}`);
}
