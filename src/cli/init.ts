// init: everything a first serve needs, made at once.

import { execFile } from 'node:child_process';
import { access, chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { Tokens } from '../auth/tokens.ts';
import { jsonSchema } from '../config_schema.ts';
import { openStore } from '../store/content_store.ts';
import { withExamples } from './site.ts';

const run = promisify(execFile);

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
    .description('make a configuration, a store, a development certificate and a write token')
    .argument('[dir]', 'where; made if it is not there', '.')
    .option('--no-certificate', 'make no development certificate')
    .action(init);
  withExamples(command, 'sealgate init site', 'sealgate init --no-certificate /srv/sealgate');
}

async function init(dir: string, { certificate }: { certificate: boolean }): Promise<void> {
  const config = join(dir, 'sealgate.json');
  if (
    await access(config).then(
      () => true,
      () => false,
    )
  ) {
    throw new Error(`${config}: is there already; remove it to begin anew, or choose another directory`);
  }
  await mkdir(join(dir, 'tls'), { recursive: true });
  if (certificate) await makeCertificate(join(dir, 'tls'));
  const store = await openStore({ root: join(dir, 'store') });
  await store.createBucket('files', 'write-once').finally(() => store.close());
  const tokens = new Tokens(join(dir, 'tokens.json'));
  const { token } = await tokens.add({ scopes: ['read:*', 'write:*'], label: 'made by init' });
  await writeFile(join(dir, 'sealgate.schema.json'), `${JSON.stringify(jsonSchema(), null, 2)}\n`);
  await writeFile(config, `${JSON.stringify(starter, null, 2)}\n`, { flag: 'wx' });
  console.log(`${config} made.

Token for reading and writing every bucket, shown this once:
  ${token}

Next:
  sealgate import DIR --config ${config}
  sealgate serve --config ${config}`);
}

/** A self-signed ECDSA P-256 certificate for this host, good for a year. */
async function makeCertificate(dir: string): Promise<void> {
  const key = join(dir, 'key.pem');
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1';
  const subject = ['-subj', '/CN=localhost/O=Sealgate development', '-addext', names, '-days', '365'];
  const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const files = ['-keyout', key, '-out', join(dir, 'certificate.pem')];
  await writeFile(key, '', { flag: 'wx', mode: 0o600 });
  try {
    await run('openssl', ['req', '-x509', ...algorithm, ...subject, ...files]);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const advice = 'install the package openssl, or use --no-certificate and put your own files into tls/';
    throw new Error(
      missing ? `openssl is not installed; ${advice}` : `openssl req: ${(cause as Error).message}`,
      { cause },
    );
  }
  await chmod(key, 0o600);
}
