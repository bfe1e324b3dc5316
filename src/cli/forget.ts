// forget: removes a blob from the store for good, whatever names it has.

import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { isDigest } from '../digest.ts';
import { SealgateError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { onRecord } from './on_record.ts';
import { onStoreOrByControl } from './place.ts';
import { UsageError } from './say.ts';
import { find, parseReference, type SiteOptions, withExamples, withStore } from './site.ts';

interface Options extends SiteOptions, ControlOptions {
  why: string;
}

const maxWhy = 500;

export function addForget(program: Command): void {
  const command = withControl(program.command('forget'))
    .description('remove a blob from the store for good; its names answer 410 from then on')
    .argument('<digest>', 'sha256:HEX or HEX, or BUCKET/NAME for the blob that the name points at now')
    .requiredOption('--why <text>', 'reason, recorded in the audit log and the store')
    .option('--store <dir>', 'store to use instead of the configured one; $SEALGATE_STORE')
    .action(forget)
    .addHelpText(
      'after',
      `
Running transfers of the blob are not interrupted. Copies in backups, caches and at clients remain. The same
bytes can be stored again.`,
    );
  withExamples(
    command,
    "sealgate forget files/tls/key.pem --why 'a private key was imported'",
    "sealgate forget 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --why 'by request'",
  );
}

async function forget(what: string, options: Options): Promise<void> {
  const { why } = options;
  if (why === '' || why.length > maxWhy) throw new UsageError(`--why: expected 1 to ${maxWhy} characters`);
  const digest = await digestOf(what, options);
  await onStoreOrByControl(options, {
    onStore: (store, config) => here(store, config, options, digest),
    byControl: (through) => byServer(through, digest),
  });
  console.log(`sha256:${digest} forgotten`);
}

// The control plane accepts only digests, so a name is looked up in the local store.
async function digestOf(what: string, options: Options): Promise<string> {
  if (isDigest(what)) return what;
  const reference = parseReference(what);
  if ('digest' in reference) return reference.digest;
  if (options.control !== undefined)
    throw new UsageError(`${what}: with --control, expected a digest; 'sealgate stat' tells it`);
  return withStore({ ...options, readOnly: true }, (store) => find(store, what).digest);
}

async function byServer(options: Options, digest: string): Promise<void> {
  await (await ControlClient.of(options)).post('/forget', { digest, why: options.why });
}

async function here(store: Store, config: Config, { why }: Options, digest: string): Promise<void> {
  await onRecord(config, { action: 'forget', why, digest });
  if (!(await store.forget(digest, why)))
    throw new SealgateError('not-found', `sha256:${digest}: there is no such blob`);
}
