// doctor: checks what this host can do for Sealgate, and what stands in its way.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../config/config.ts';
import { runDoctor } from '../doctor/doctor.ts';
import { type Finding, type Severity, severities, worstOf } from '../doctor/finding.ts';
import { sayError } from './say.ts';
import { withExamples } from './site.ts';

const statuses: Record<Severity, number> = { ok: 0, info: 0, warn: 1, fail: 2 };
const marks: Record<Severity, string> = { ok: ' ok ', info: 'info', warn: 'WARN', fail: 'FAIL' };

export function addDoctor(program: Command): void {
  const doctor = program
    .command('doctor')
    .description('check what this host can do for Sealgate: kernel TLS, limits, certificates, store')
    .option('-c, --config <file>', 'configuration file (default: ./sealgate.json; $SEALGATE_CONFIG)')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Tries kernel TLS with real records, a handshake with the configured TLS settings, and the features of the
store's file system. Without a configuration it checks only the host.

Exit status: 0 no findings, 1 warnings, 2 the server cannot work as configured.`,
    )
    .action(doctorAction);
  withExamples(doctor, 'sealgate doctor', 'sealgate doctor --config site/sealgate.json --json');
}

async function doctorAction(options: { config?: string; json?: true }): Promise<void> {
  const named = options.config ?? process.env.SEALGATE_CONFIG;
  const site = named !== undefined || existsSync(resolve('sealgate.json'));
  if (!site) sayError('no sealgate.json here: the host alone is looked at; name a site with --config');
  const findings = await runDoctor(await loadConfig({ file: options.config }), site);
  if (options.json) console.log(JSON.stringify({ worst: worstOf(findings), findings }));
  else show(findings);
  process.exitCode = statuses[worstOf(findings)];
}

function show(findings: Finding[]): void {
  for (const [area, found] of grouped(findings)) {
    console.log(`\n${area}`);
    for (const each of found) {
      console.log(`  ${marks[each.severity]}  ${each.found}`);
      if (each.severity !== 'ok' && each.meaning) console.log(`        ${each.meaning}`);
      if (each.remedy) console.log(`        → ${each.remedy}`);
    }
  }
  const counts = severities.map((severity) => findings.filter((each) => each.severity === severity).length);
  console.log(`\n${severities.map((severity, index) => `${counts[index]} ${severity}`).join(', ')}`);
}

function grouped(findings: Finding[]): Map<string, Finding[]> {
  const areas = new Map<string, Finding[]>();
  for (const each of findings) areas.set(each.area, [...(areas.get(each.area) ?? []), each]);
  return areas;
}
