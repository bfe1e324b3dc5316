// Every command line of the documents is one that the program has, and docs/commands.md has every command.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { commands } from '../../src/cli/commands.ts';
import { blocksOf, type Code, codeInSentences, documents } from '../support/documents.ts';
import { read } from '../support/sources.ts';

/** Of docker, Deno, wget and skopeo; those of Bazel have underscores. */
const flagsOfOthers = /^--(init|pid|allow-net|mirror|tls-verify|\w+_\w+)$/;

const program = new Command('sealgate').option('--debug').option('-V, --version');
for (const add of Object.values(commands)) (await add())(program);
const subcommand = (of: Command, word: string) =>
  of.commands.find((each) => each.name() === word || each.aliases().includes(word));
const flagsOf = (command: Command): string[] => [
  '--help',
  ...[...program.options, ...command.options].map(({ long }) => long ?? ''),
];
const flagsOfAll = new Set<string>();
const visit = (command: Command): void => {
  for (const flag of flagsOf(command)) flagsOfAll.add(flag);
  for (const each of command.commands) visit(each);
};
visit(program);

const longFlags = (words: string[]) =>
  words.flatMap((word) => /^--[a-z][\w-]*/.exec(word.replace(/^\[/, ''))?.[0] ?? []);

/** What is wrong with the words behind `sealgate`; undefined: nothing. */
function faultOf(words: string[]): string | undefined {
  let command: Command = program;
  const path = ['sealgate'];
  for (const word of words) {
    if (command.commands.length === 0 || word.startsWith('-')) break;
    const next = subcommand(command, word);
    if (!next) {
      // `sealgate COMMAND --help` stands for all.
      if (/^[A-Z]+$/.test(word)) return undefined;
      return `${path.join(' ')} has no command ${word}`;
    }
    command = next;
    path.push(word);
  }
  const missing = longFlags(words).find((flag) => !flagsOf(command).includes(flag));
  return missing === undefined ? undefined : `${path.join(' ')} has no flag ${missing}`;
}

/** The words behind each `sealgate` of a block: one a command, without comments and what stands in quotes. */
function callsOf(text: string): string[][] {
  const plain = text
    .replaceAll('\\\n', ' ')
    .replace(/'[^']*'|"[^"]*"/g, 'X')
    .replace(/(^|\s)#.*$/gm, '');
  const calls = plain.split(/\n|&&|\|\||[|;()<>]/).map((call) => call.trim().split(/\s+/));
  return calls.flatMap((words) => {
    const at = words.findIndex((word) => word === 'sealgate' || word.endsWith('cli.js'));
    return at < 0 || words[at - 1] === 'alias' ? [] : [words.slice(at + 1)];
  });
}

function faultsInSentence({ at, text }: Code): string[] {
  const [first = '', ...rest] = text.replace(/"[^"]*"|'[^']*'/g, 'X').split(/\s+/);
  // A store's file `format` says `sealgate store 2`.
  const isCall = first === 'sealgate' && rest.length > 0 && !/^sealgate store (\d|N)/.test(text);
  const isCommand = Object.hasOwn(commands, first) && rest.some((word) => word.startsWith('--'));
  const fault = isCall ? faultOf(rest) : isCommand ? faultOf([first, ...rest]) : undefined;
  if (fault !== undefined) return [`${at}: ${fault}`];
  const unknown = longFlags([first]).filter((flag) => !flagsOfAll.has(flag) && !flagsOfOthers.test(flag));
  return unknown.map((flag) => `${at}: no command has the flag ${flag}`);
}

test('every command line and flag in the documents exists', () => {
  const inBlocks = documents()
    .flatMap(blocksOf)
    .filter(({ info = '' }) => ['sh', 'console', 'ini'].includes(info))
    .flatMap(({ at, text }) => callsOf(text).map((words) => ({ at, words })));
  assert.ok(inBlocks.length > 30, `${inBlocks.length} calls were found in blocks`);
  const faults = inBlocks.flatMap(({ at, words }) => {
    const fault = faultOf(words);
    return fault === undefined ? [] : [`${at}: ${fault}`];
  });
  const inSentences = documents().flatMap(codeInSentences).flatMap(faultsInSentence);
  assert.deepEqual([...faults, ...inSentences], []);
});

test('a command, subcommand or flag that does not exist is found', () => {
  const faults = callsOf('sealgate bucket make b\nsealgate put a b/a \\\n  --typ x | sealgate lss').map(
    faultOf,
  );
  assert.deepEqual(faults, [
    'sealgate bucket has no command make',
    'sealgate put has no flag --typ',
    'sealgate has no command lss',
  ]);
  const inSentence = ['--gone', 'serve --gone', 'serve --replace'].flatMap((text) =>
    faultsInSentence({ at: 'a.md:1', info: undefined, text }),
  );
  assert.deepEqual(inSentence, [
    'a.md:1: no command has the flag --gone',
    'a.md:1: sealgate serve has no flag --gone',
  ]);
});

test('docs/commands.md has every command and subcommand', () => {
  const rows = read('docs/commands.md').lines.filter((line) => line.startsWith('|'));
  const named = (path: string[]): boolean =>
    rows.some((row) => {
      const [cell = ''] = row.split('|').slice(1);
      const [command = '', last = ''] = [path[0], path.at(-1)];
      return new RegExp(`\`${command}\\b`).test(cell) && new RegExp(`[\` ]${last}\\b`).test(cell);
    });
  const paths = program.commands.flatMap((command) => {
    const subcommands = command.commands.filter((each) => each.name() !== 'help');
    if (subcommands.length === 0) return [[command.name()]];
    return subcommands.map((each) => [command.name(), each.name()]);
  });
  assert.ok(paths.length > 40);
  assert.deepEqual(
    paths.filter((path) => !named(path)).map((path) => path.join(' ')),
    [],
  );
});
