#!/usr/bin/env node
// sealgate: the command line. Each command has a file in cli/.

// Imported first: signals must be handled while the other modules load.
import './cli/signals.ts';
import { Command, CommanderError, Help, type Option } from 'commander';
import { commands } from './cli/commands.ts';
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
