// init: creates everything that a first `serve` needs.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { Tokens } from '../auth/tokens.ts';
import { loadConfig } from '../config/config.ts';
import { jsonSchema } from '../config/schema.ts';
import { openStore } from '../store/content_store.ts';
import { StoreHeld } from '../store/layout.ts';
import { checkPair, exists, makeCertificate } from './development_certificate.ts';
import { UsageError } from './say.ts';
import { withExamples } from './site.ts';

const starter = {
  $schema: './sealgate.schema.json',
  store: './store',
  listeners: ['https://127.0.0.1:8443'],
  tls: { certificate: './tls/certificate.pem', key: './tls/key.pem' },
  buckets: { files: 'write-once' },
};

export function addInit(program: Command): void {
  const command = program
    .command('init')
    .description(
      'create a configuration, a store, a development certificate and a write token; existing files are kept',
    )
    .argument('[dir]', 'directory of the site, created if it does not exist', '.')
    .option('--no-certificate', 'do not create a development certificate')
    .action(init);
  withExamples(command, 'sealgate init site', 'sealgate init --no-certificate /srv/sealgate');
}

async function init(dir: string, { certificate }: { certificate: boolean }): Promise<void> {
  const config = join(dir, 'sealgate.json');
  const kept: string[] = [];
  const site = await filesOf(dir, config);
  // Refused before anything is made.
  if (certificate) await checkPair(site);
  await mkdir(join(dir, 'tls'), { recursive: true }).catch((cause) => {
    if (cause.code !== 'EEXIST' && cause.code !== 'ENOTDIR') throw cause;
    throw new UsageError(`${dir}: a file is in the way of the directory`, { cause });
  });
  if (certificate) await makeCertificate(site, kept);
  await makeStore(site.store, kept);
  const token = await makeToken(site.tokens, kept);
  await writeFile(join(dir, 'sealgate.schema.json'), `${JSON.stringify(jsonSchema(), null, 2)}\n`);
  // The configuration is written last, so a site that has one is complete.
  if (await exists(config)) kept.push(config);
  else await writeFile(config, `${JSON.stringify(starter, null, 2)}\n`, { flag: 'wx' });
  console.log(nextSteps(config, kept, token));
}

function nextSteps(config: string, kept: string[], token: string | undefined): string {
  const lines = [kept.includes(config) ? `${config} was there already.` : `${config} made.`];
  const others = kept.filter((path) => path !== config);
  if (others.length > 0) lines.push('', 'Kept as it was:', ...others.map((path) => `  ${path}`));
  if (token !== undefined)
    lines.push('', 'Token for reading and writing every bucket, shown this once:', `  ${token}`);
  lines.push(
    '',
    'Next:',
    ...(token === undefined ? [`  sealgate token add 'write:*' --config ${config}`] : []),
  );
  return [...lines, `  sealgate import DIR --config ${config}`, `  sealgate serve --config ${config}`].join(
    '\n',
  );
}

interface SiteFiles {
  store: string;
  certificate: string;
  key: string;
  tokens: string;
}

/** Paths of the site's files, whether or not they exist yet. */
async function filesOf(dir: string, config: string): Promise<SiteFiles> {
  if (await exists(config)) {
    const { store, tls, auth } = await loadConfig({ file: config, env: {} });
    return { store, certificate: tls.certificate, key: tls.key, tokens: auth.tokens };
  }
  const [certificate, key] = [join(dir, 'tls', 'certificate.pem'), join(dir, 'tls', 'key.pem')];
  return { store: join(dir, 'store'), certificate, key, tokens: join(dir, 'tokens.json') };
}

async function makeStore(root: string, kept: string[]): Promise<void> {
  if (await exists(join(root, 'format'))) kept.push(root);
  try {
    const store = await openStore({ root });
    await store.createBucket('files', 'write-once').finally(() => store.close());
  } catch (error) {
    // A running server holds the store, so the store is complete.
    if (!(error instanceof StoreHeld)) throw error;
  }
}

/** Undefined when there are tokens already, since those cannot be shown again. */
async function makeToken(file: string, kept: string[]): Promise<string | undefined> {
  const tokens = new Tokens(file);
  if (tokens.list().length > 0) {
    kept.push(file);
    return undefined;
  }
  return (await tokens.add({ scopes: ['read:*', 'write:*'], label: 'made by init' })).token;
}
