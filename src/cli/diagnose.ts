// diagnose: symptoms of a running server, above all of its kernel TLS, with their likely causes.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Diagnosis, TrafficView } from '../control/views.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { NoServer } from './say.ts';
import { withExamples } from './site.ts';
import { minutes, shareText } from './units.ts';

const families = {
  A: 'kernel TLS is on without a gain',
  B: 'failures on long sessions',
  C: 'unstable offload to devices',
  D: 'uploads and content',
  E: 'the server itself',
};
const watchSeconds = 5;

export function addDiagnose(program: Command): void {
  const command = withControl(program.command('diagnose'))
    .description('find symptoms of a running server and its kernel TLS, with numbers and the likely cause')
    .option('--watch', `repeat every ${watchSeconds} s until stopped`)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExit status: 0 no symptoms, 1 symptoms, 2 wrong arguments, 3 no answer from a server.',
    )
    .action(diagnoseAction);
  withExamples(command, 'sealgate diagnose', 'sealgate diagnose --watch');
}

async function diagnoseAction(options: ControlOptions & { watch?: true; json?: true }): Promise<void> {
  const client = await ControlClient.of(options);
  for (;;) {
    // An error response says nothing about symptoms, so it must not look like "no symptoms".
    const found = await client.get<Diagnosis>('/diagnosis').catch((cause: Error) => {
      throw new NoServer(cause.message, { cause });
    });
    console.log(options.json ? JSON.stringify(found) : shown(found));
    process.exitCode = found.symptoms.length > 0 ? 1 : 0;
    if (!options.watch) return;
    await sleep(watchSeconds * 1000);
  }
}

function shown({ windowSeconds, symptoms, traffic }: Diagnosis): string {
  const since = `in the last ${Math.round(windowSeconds)} s`;
  const measured = trafficLines(traffic);
  if (symptoms.length === 0) return [`nothing odd ${since}`, ...measured].join('\n');
  const lines = symptoms.map(
    ({ family, name, seen, cause, remedy }) =>
      `${name} (${families[family]})\n  seen    ${seen}\n  cause   ${cause}\n  remedy  ${remedy}`,
  );
  return [...lines, [`(${since})`, ...measured].join('\n')].join('\n\n');
}

/** The kernel's share of the bytes, response times and CPU per byte by path. */
function trafficLines({ share, since, seconds, times, cpuPerByte }: TrafficView): string[] {
  const shares = [
    `${shareText(share)}, last ${minutes(seconds)}`,
    `${shareText(since.change.share)}, since the last change or start`,
    `${shareText(since.start.share)}, since the start`,
  ];
  const milliseconds = (value: number) => `${Number((value * 1000).toPrecision(3))}`;
  const rows = times.map(({ delivery, size, responses, firstByte, completion }) =>
    [
      delivery.padEnd(16),
      size.padEnd(14),
      `${responses}`.padStart(9),
      milliseconds(firstByte.p99).padStart(11),
      milliseconds(completion.p99).padStart(11),
    ].join(' '),
  );
  const head = 'delivery         size           responses  first byte    complete  (p99, ms)';
  const costs = Object.entries(cpuPerByte).map(
    ([delivery, cost]) => `${delivery}: ${Number((cost * 1e9).toPrecision(3))} ns of CPU a byte`,
  );
  return ['', ...shares, ...(rows.length > 0 ? ['', head, ...rows] : []), ...costs];
}
