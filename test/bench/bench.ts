// `make bench`: compares Sealgate with other servers and with the minimum that the machine allows, in one
// run. The server runs on core 0, its client on core 1; costs are CPU time of the server's processes. Prints
// a table, and writes results.json and plots into build/bench/. A missed bar is reported but does not fail.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { judge } from './bars.ts';
import { Context, type Settings } from './context.ts';
import { runInKernel } from './kernel.ts';
import { writePlots } from './plots.ts';
import type { Results, Row } from './results.ts';
import { pick, scenarios } from './scenarios/all.ts';
import { firstLine, type Scenario } from './scenarios/scenario.ts';
import { GiB } from './site.ts';
import { tableOf, verdictsOf } from './table.ts';

const folder = 'build/bench';

const usage = `usage: bench.ts [--all] [--list] [--rounds N] [--seconds S] [SCENARIO,...]

Runs the scenarios told, else the usual ones, else with --all every one. A word that is part of several names
stands for all of them: 'tls', '1g'.
  --rounds N    rounds of each server (default 5; 1 to 50); a figure is their median
  --seconds S   length of a round (default 1; 0.1 to 60)
  --rows FILE   writes the rows there as JSON and prints no table
  --list        lists the scenarios`;

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      all: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '1' },
      rows: { type: 'string' },
    },
  });
  const rounds = within('--rounds', values.rounds, 1, 50);
  const seconds = within('--seconds', values.seconds, 0.1, 60);
  const words = positionals.join(',');
  const usual = scenarios.filter((scenario) => scenario.usual || values.all);
  return { ...values, settings: { rounds, seconds, all: values.all }, chosen: words ? pick(words) : usual };
}

function within(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new Error(`${option} ${text}: expected a number from ${least} to ${most}`);
}

/** The rows of one scenario. A scenario that fails has one row with the reason. */
async function runOne(scenario: Scenario, context: Context): Promise<Row[]> {
  try {
    return await scenario.run(context);
  } catch (error) {
    const why = `not measured: ${firstLine(error)}`;
    return [{ scenario: scenario.name, server: 'sealgate', unit: '', why }];
  }
}

async function runHere(chosen: Scenario[], settings: Settings, onRows: (rows: Row[]) => void): Promise<void> {
  const ktls = process.env.SEALGATE_TEST_DIR;
  const work = mkdtempSync(resolve(ktls ?? folder, 'work-'));
  const sizes = [...new Set(chosen.flatMap((scenario) => scenario.sizes))];
  const context = new Context(work, settings, sizes, ktls !== undefined);
  process.once('exit', () => rmSync(work, { recursive: true, force: true }));
  try {
    for (const [index, scenario] of chosen.entries()) {
      context.say(`[${index + 1}/${chosen.length}] ${scenario.name}`);
      onRows(await runOne(scenario, context));
    }
  } finally {
    await context.end();
  }
}

function describe(settings: Settings, chosen: Scenario[], rows: Row[]): Results {
  const memoryGiB = Math.round(totalmem() / GiB);
  return {
    measured: new Date().toISOString(),
    command: `bench.ts ${process.argv.slice(2).join(' ')}`.trim(),
    host: { kernel: release(), processor: cpus()[0]?.model ?? '', cores: cpus().length, memoryGiB },
    settings,
    rows,
    verdicts: judge(
      rows,
      chosen.map(({ name }) => name),
    ),
  };
}

async function main(): Promise<void> {
  const { help, list, rows: rowsFile, settings, chosen } = readArguments();
  if (help) return console.log(usage);
  if (list) return console.log(scenarios.map(({ name, about }) => `${name.padEnd(24)}${about}`).join('\n'));
  mkdirSync(folder, { recursive: true });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  const rows: Row[] = [];
  const take = (found: Row[]) => {
    rows.push(...found);
    const scenario = chosen.find(({ name }) => name === found[0]?.scenario);
    if (!scenario || rowsFile !== undefined) return;
    console.log(tableOf(scenario, found));
    // Written after each scenario, so that an interrupted run leaves its results.
    const results = describe(settings, chosen, rows);
    writeFileSync(`${folder}/results.json`, `${JSON.stringify(results, undefined, 2)}\n`);
  };
  if (rowsFile !== undefined) {
    await runHere(chosen, settings, take);
    return writeFileSync(rowsFile, JSON.stringify(rows));
  }
  const inKernel = chosen.filter(({ ktls }) => ktls);
  const here = chosen.filter((scenario) => !inKernel.includes(scenario));
  if (here.length > 0) await runHere(here, settings, take);
  if (inKernel.length > 0) {
    const found = await runInKernel(inKernel, settings, resolve(folder, 'kernel-rows.json'));
    for (const { name } of inKernel) take(found.filter((row) => row.scenario === name));
  }
  writePlots(`${folder}/plots`, rows);
  console.log(verdictsOf(describe(settings, chosen, rows).verdicts));
  console.log(`\nwritten: ${folder}/results.json and ${folder}/plots/`);
}

await main().catch((error) => {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
});
