// token: makes, lists and revokes bearer tokens.

import type { Command } from 'commander';
import { Tokens } from '../auth/tokens.ts';
import { scopeSchema } from '../scopes.ts';
import { type SiteOptions, siteConfig, withExamples, withSite } from './site.ts';

/** A thousand years. */
const maxDays = 365_000;

export function addToken(program: Command): void {
  const token = program
    .command('token')
    .description('make, list and revoke bearer tokens; a running server follows');
  withExamples(
    token,
    'sealgate token add write:files read:files --days 90',
    'sealgate token list',
    'sealgate token revoke 3f2a9c01',
  );
  const adding = withSite(token.command('add'))
    .description('make a token and show it, this once')
    .argument('<scope...>', 'read:BUCKET or write:BUCKET, * for all; control:read or control:operate')
    .option('--days <n>', 'expires after so many days')
    .action(add);
  withExamples(adding, 'sealgate token add write:files read:files --days 90');
  const listing = withSite(token.command('list'))
    .description('list the tokens, without the secrets')
    .action(list);
  withExamples(listing, 'sealgate token list');
  const revoking = withSite(token.command('revoke'))
    .description('make a token worthless')
    .argument('<id>')
    .action(revoke);
  withExamples(revoking, 'sealgate token revoke 3f2a9c01');
}

async function siteTokens(options: SiteOptions): Promise<Tokens> {
  return new Tokens((await siteConfig(options)).auth.tokens);
}

async function add(scopes: string[], options: SiteOptions & { days?: string }): Promise<void> {
  for (const scope of scopes) {
    const { error } = scopeSchema.safeParse(scope);
    if (error) {
      throw new Error(`${scope}: ${error.issues[0]?.message}`);
    }
  }
  const days = options.days === undefined ? undefined : Number(options.days);
  if (days !== undefined && !(days > 0 && days <= maxDays))
    throw new Error(`--days: expected a number above 0, at most ${maxDays}, got ${options.days}`);
  const expires = days === undefined ? undefined : new Date(Date.now() + days * 86_400_000);
  const { token } = await (await siteTokens(options)).add(scopes, expires);
  console.log(token);
}

async function list(options: SiteOptions): Promise<void> {
  for (const { id, scopes, created, expires } of (await siteTokens(options)).list()) {
    console.log(`${id}  ${created}  ${expires ?? 'never expires'}  ${scopes.join(' ')}`);
  }
}

async function revoke(id: string, options: SiteOptions): Promise<void> {
  if (!(await (await siteTokens(options)).revoke(id))) {
    throw new Error(`${id}: there is no token of this id; 'sealgate token list' shows them`);
  }
}
