// token: creates, lists and revokes bearer tokens.

import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type TokenEntry, Tokens } from '../auth/tokens.ts';
import { scopeSchema } from '../scopes.ts';
import { numberOf, sayError, UsageError } from './say.ts';
import { type SiteOptions, siteConfig, withExamples, withSite } from './site.ts';

/** About a thousand years. */
const maxDays = 365_000;
const maxLabel = 200;

export function addToken(program: Command): void {
  const token = program
    .command('token')
    .description('create, list and revoke bearer tokens; a running server follows within a second');
  withExamples(
    token,
    "sealgate token add write:files read:files --days 90 --label 'build machine'",
    'sealgate token ls',
    'sealgate token rm 3f2a9c01',
  );
  const adding = withSite(token.command('add'))
    .description('create a token and show it, once')
    .argument(
      '<scope...>',
      'read:BUCKET or write:BUCKET, * for all buckets; pull:, push: or delete:BUCKET/REPOSITORY, * at its ' +
        'end for all that begin so; control:read or control:operate',
    )
    .option('--days <n>', 'days until the token expires (default: never)')
    .option('--label <text>', 'purpose of the token, shown in lists')
    .option(
      '-o, --output <file>',
      'write the token to a new file that only you may read, not to the terminal',
    )
    .action(add);
  withExamples(
    adding,
    'sealgate token add write:files read:files --days 90',
    "sealgate token add 'write:*' --label 'import from laptop' --output ~/.sealgate-token",
    "sealgate token add 'pull:images/*' 'push:images/team-a/*'",
  );
  const listing = withSite(token.command('ls').alias('list'))
    .description('list the tokens, without their secrets')
    .option('--json', 'print one JSON object per line')
    .action(list);
  withExamples(listing, 'sealgate token ls');
  const revoking = withSite(token.command('rm').alias('revoke'))
    .description('revoke a token')
    .argument('<id>', "id from 'sealgate token ls'")
    .action(revoke);
  withExamples(revoking, 'sealgate token rm 3f2a9c01');
}

async function siteTokens(options: SiteOptions): Promise<Tokens> {
  return new Tokens((await siteConfig(options)).auth.tokens);
}

interface AddOptions extends SiteOptions {
  days?: string;
  label?: string;
  output?: string;
}

async function add(scopes: string[], options: AddOptions): Promise<void> {
  for (const scope of scopes) {
    const { error } = scopeSchema.safeParse(scope);
    if (error) throw new UsageError(`${scope}: ${error.issues[0]?.message}`);
  }
  const { label, output } = options;
  if (label !== undefined && (label === '' || label.length > maxLabel))
    throw new UsageError(`--label: expected 1 to ${maxLabel} characters`);
  const days =
    options.days === undefined
      ? undefined
      : numberOf(
          '--days',
          options.days,
          `a number above 0, at most ${maxDays}`,
          (n) => n > 0 && n <= maxDays,
        );
  const expires = days === undefined ? undefined : new Date(Date.now() + days * 86_400_000);
  const tokens = await siteTokens(options);
  // Created before the token, because a token that cannot be written out would be lost.
  if (output !== undefined) await writeFile(output, '', { flag: 'wx', mode: 0o600 });
  const { token, id } = await tokens.add({ scopes, expires, label });
  if (output === undefined) return console.log(token);
  await writeFile(output, `${token}\n`);
  sayError(`token ${id} is in ${output}`);
}

async function list(options: SiteOptions & { json?: true }): Promise<void> {
  for (const entry of (await siteTokens(options)).list()) {
    console.log(options.json ? JSON.stringify(shown(entry)) : line(entry));
  }
}

function shown({ id, label, scopes, created, expires }: TokenEntry) {
  return { id, label, scopes, created, expires };
}

function line({ id, label, scopes, created, expires }: TokenEntry): string {
  const expiry = expires === undefined ? 'never expires' : expiryOf(expires);
  const suffix = label === undefined ? '' : `  (${label})`;
  return `${id}  ${created}  ${expiry}  ${scopes.join(' ')}${suffix}`;
}

function expiryOf(expires: string): string {
  return Date.parse(expires) <= Date.now() ? `expired ${expires}` : `expires ${expires}`;
}

async function revoke(id: string, options: SiteOptions): Promise<void> {
  if (!(await (await siteTokens(options)).revoke(id))) {
    throw new Error(`${id}: there is no token of this id; 'sealgate token ls' shows them`);
  }
}
