// diagnose: what is odd about kernel TLS on a running server, and the likely cause.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Diagnosis } from '../control/views.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { withExamples } from './site.ts';

const families = {
  A: 'kernel TLS is on without a gain',
  B: 'failures on long sessions',
  C: 'unstable offload to devices',
};
const watchSeconds = 5;

export function addDiagnose(program: Command): void {
  const command = withControl(program.command('diagnose'))
    .description('name what is odd about kernel TLS on a running server, with numbers and the likely cause')
    .option('--watch', `again each ${watchSeconds} s, until it is stopped`)
    .option('--json', 'as one JSON object')
    .addHelpText('after', '\nExit status: 0 nothing odd, 1 something.')
    .action(diagnoseAction);
  withExamples(command, 'sealgate diagnose', 'sealgate diagnose --watch');
}

async function diagnoseAction(options: ControlOptions & { watch?: true; json?: true }): Promise<void> {
  const client = await ControlClient.of(options);
  for (;;) {
    const found = await client.get<Diagnosis>('/diagnosis');
    console.log(options.json ? JSON.stringify(found) : told(found));
    process.exitCode = found.symptoms.length > 0 ? 1 : 0;
    if (!options.watch) return;
    await sleep(watchSeconds * 1000);
  }
}

function told({ windowSeconds, symptoms }: Diagnosis): string {
  const since = `in the last ${Math.round(windowSeconds)} s`;
  if (symptoms.length === 0) return `nothing odd ${since}`;
  const lines = symptoms.map(
    ({ family, name, seen, cause, remedy }) =>
      `${name} (${families[family]})\n  seen    ${seen}\n  cause   ${cause}\n  remedy  ${remedy}`,
  );
  return [...lines, `(${since})`].join('\n\n');
}
