#!/usr/bin/env node
// sealgate: the command line. Each command has a file in cli/.

// Imported first: signals must be handled while the other modules load.
import './cli/signals.ts';
import { Command, CommanderError, Help, type Option } from 'commander';
import { NoServer, sentenceOf, UsageError } from './cli/say.ts';
import { ConfigError } from './config/config.ts';
import { version } from './version.ts';

/** 2 as most tools use it, not EX_USAGE (64) of sysexits(3). */
const usageStatus = 2;
const noServerStatus = 3;
const configStatus = 78;
/** The status that shells report for a command that SIGPIPE ended. */
const brokenPipeStatus = 141;

const program = new Command('sealgate')
  .description('Delivers files that never change over TLS, with kernel TLS where it helps.')
  .version(version)
  .option('--debug', 'print the stack trace of an error')
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'sealgate: ')) })
  .configureHelp({ sortSubcommands: false, showGlobalOptions: true, optionDescription: described })
  .exitOverride()
  .addHelpText(
    'after',
    `
Begin with:
  sealgate init site                       create a configuration, a store and a development certificate
  sealgate import photos --config site/sealgate.json
  sealgate serve --config site/sealgate.json`,
  );

/** In the order of `--help`. Only the module of the called command is loaded, with its libraries. */
const commands: Record<string, () => Promise<(program: Command) => void>> = {
  init: async () => (await import('./cli/init.ts')).addInit,
  serve: async () => (await import('./cli/serve.ts')).addServe,
  doctor: async () => (await import('./cli/doctor.ts')).addDoctor,
  diagnose: async () => (await import('./cli/diagnose.ts')).addDiagnose,
  rollout: async () => (await import('./cli/rollout.ts')).addRollout,
  tls: async () => (await import('./cli/tls.ts')).addTls,
  import: async () => (await import('./cli/import.ts')).addImport,
  put: async () => (await import('./cli/put.ts')).addPut,
  get: async () => (await import('./cli/get.ts')).addGet,
  export: async () => (await import('./cli/export.ts')).addExport,
  ls: async () => (await import('./cli/ls.ts')).addLs,
  stat: async () => (await import('./cli/stat.ts')).addStat,
  rm: async () => (await import('./cli/rm.ts')).addRm,
  cp: async () => (await import('./cli/cp.ts')).addCp,
  versions: async () => (await import('./cli/versions.ts')).addVersions,
  restore: async () => (await import('./cli/versions.ts')).addRestore,
  forget: async () => (await import('./cli/forget.ts')).addForget,
  gc: async () => (await import('./cli/gc.ts')).addGc,
  apt: async () => (await import('./cli/apt.ts')).addApt,
  mirror: async () => (await import('./cli/mirror.ts')).addMirror,
  repo: async () => (await import('./cli/repo.ts')).addRepo,
  purge: async () => (await import('./cli/purge.ts')).addPurge,
  explain: async () => (await import('./cli/explain.ts')).addExplain,
  why: async () => (await import('./cli/why.ts')).addWhy,
  bucket: async () => (await import('./cli/bucket.ts')).addBucket,
  verify: async () => (await import('./cli/verify.ts')).addVerify,
  backup: async () => (await import('./cli/backup.ts')).addBackup,
  rebuild: async () => (await import('./cli/rebuild.ts')).addRebuild,
  token: async () => (await import('./cli/token.ts')).addToken,
  sign: async () => (await import('./cli/sign.ts')).addSign,
  config: async () => (await import('./cli/config.ts')).addConfig,
};
const called = process.argv.slice(2).find((word) => Object.hasOwn(commands, word));
for (const [name, load] of Object.entries(commands)) {
  if (called === undefined || called === name) (await load())(program);
}

pointToHelp(program, 'sealgate');

process.stdout.on('error', (error) => process.exit(report(error)));
// A closed stderr leaves no place to report it.
process.stderr.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** The description of an option in --help, with its default unless that is empty. */
function described(option: Option): string {
  const { defaultValue, description } = option;
  const isEmpty = defaultValue === '' || (Array.isArray(defaultValue) && defaultValue.length === 0);
  return isEmpty ? description : new Help().optionDescription(option);
}

/** Sets the hint that is printed after invalid arguments, for a command and its subcommands. */
function pointToHelp(command: Command, called: string): void {
  command.showHelpAfterError(`('${called} --help' lists its arguments)`);
  for (const each of command.commands) pointToHelp(each, `${called} ${each.name()}`);
}

function report(error: unknown): number {
  // Commander has already printed what was wrong with the arguments.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageStatus;
  // The reader of the output has closed it, as `head` does.
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') return brokenPipeStatus;
  for (const line of sentenceOf(error).split('\n')) process.stderr.write(`sealgate: ${line}\n`);
  if (program.opts().debug) process.stderr.write(`${error instanceof Error ? error.stack : ''}\n`);
  if (error instanceof UsageError) {
    process.stderr.write(`('${calledCommand()} --help' lists its arguments)\n`);
    return usageStatus;
  }
  if (error instanceof NoServer) return noServerStatus;
  return error instanceof ConfigError ? configStatus : 1;
}

/** The called command with its subcommand, for example `sealgate token add`. */
function calledCommand(): string {
  const words = process.argv.slice(2);
  let command: Command = program;
  const path = ['sealgate'];
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (!next) continue;
    command = next;
    path.push(next.name());
  }
  return path.join(' ');
}
