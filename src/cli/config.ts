// config: checks and shows the configuration.

import type { Command } from 'commander';
import { jsonSchema, settings } from '../config.ts';
import { type SiteOptions, siteConfig, withSite } from './site.ts';

export function addConfig(program: Command): void {
  const config = program.command('config').description('check the configuration and see what it amounts to');
  withSite(config.command('check')).description('say what is wrong with it').action(check);
  withSite(config.command('show')).description('print it with every default filled in').action(show);
  config
    .command('schema')
    .description('print its JSON Schema, for editors')
    .action(() => console.log(JSON.stringify(jsonSchema(), null, 2)));
  config
    .command('variables')
    .description('list the environment variables that override it')
    .action(() => {
      for (const [setting, { variable }] of Object.entries(settings))
        console.log(`${variable.padEnd(26)} ${setting}`);
    });
}

async function check(options: SiteOptions): Promise<void> {
  await siteConfig(options);
  console.log('the configuration is good');
}

async function show(options: SiteOptions): Promise<void> {
  console.log(JSON.stringify(await siteConfig(options), null, 2));
}
