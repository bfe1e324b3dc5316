// rollout: shows and changes the kernel TLS rollout of a running server.

import type { Command } from 'commander';
import { ktlsCiphers, ktlsProtocols, phases, type RolloutChange } from '../config/rollout.ts';
import type { TrafficView } from '../control/views.ts';
import type { AuditEntry } from '../rollout/audit_log.ts';
import type { GuardStatus } from '../rollout/guard.ts';
import type { RolloutView } from '../rollout/rollout.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { checkChange, checkReason } from './rollout_faults.ts';
import { numberOf } from './say.ts';
import { withExamples } from './site.ts';
import { minutes, shareText } from './units.ts';

type Shown = RolloutView & { guard: GuardStatus; traffic: TrafficView };

interface SetOptions extends ControlOptions {
  percent?: string;
  controlGroup?: string;
  sticky?: boolean;
  client?: string[];
  serverName?: string[];
  listener?: string[];
  protocol?: string[];
  cipher?: string[];
  minBytes?: string;
  why: string;
  force?: boolean;
}

/** The HTTP requests for the same; the fields have the meaning of the flags in `rollout set --help`. */
const overHttp = `
Over HTTP, at the control plane:
  GET  /rollout            what 'show --json' prints
  POST /rollout            {"why": "...", "phase", "percent", "control", "sticky", "slice", "force": true}
  POST /rollout/rollback   nothing, or {"why": "..."}
  GET  /audit              the last changes
If control.auth is "token", a change needs a token with scope control:operate.`;

export function addRollout(program: Command): void {
  const rollout = program
    .command('rollout')
    .description('show and change the kernel TLS rollout of a running server');
  withExamples(
    rollout,
    'sealgate rollout show',
    "sealgate rollout set tx-canary --percent 5 --why 'first canary'",
    "sealgate rollout set --percent 50 --client 192.0.2.0/24 --why 'more of the office'",
    "sealgate rollout back --why 'pager'",
  );
  rollout.addHelpText('after', overHttp);
  const showing = withControl(rollout.command('show'))
    .description('show the phase, the slice that takes part, and the guard’s verdict')
    .option('--json', 'print one JSON object')
    .action(show);
  withExamples(showing, 'sealgate rollout show --config site/sealgate.json');
  const rollingBack = withControl(rollout.command('back'))
    .description('roll back: put every new connection on userspace TLS; open ones continue')
    .option('--why <text>', 'reason, recorded in the audit log', 'asked to')
    .action(back);
  withExamples(rollingBack, "sealgate rollout back --why 'pager'");
  const listing = withControl(rollout.command('log'))
    .description('list the last changes of the running server: when, who, what and why')
    .option('--json', 'print one JSON object per line')
    .action(log);
  withExamples(listing, 'sealgate rollout log --json');
  addSet(rollout);
}

function addSet(rollout: Command): void {
  const command = withControl(rollout.command('set'))
    .description('change the phase or who takes part; settings not given stay as they are')
    .argument('[phase]', phases.join(', '))
    .requiredOption('--why <text>', 'reason, recorded in the audit log')
    .option('--percent <n>', 'percentage of the slice that is the canary, which uses kernel TLS')
    .option('--control-group <n>', 'percentage of the slice that always stays in userspace, for comparison')
    .option('--sticky', 'all connections of a client address are in the same group')
    .option('--no-sticky', 'each connection is in a random group')
    .option('--client <prefix...>', 'client addresses and prefixes that take part; without any: all')
    .option('--server-name <name...>', 'server names (SNI) that take part; * in *.example.org is one label')
    .option('--listener <url...>', 'listeners that take part, as configured')
    .option('--protocol <name...>', 'TLS versions that take part: TLSv1.2, TLSv1.3')
    .option('--cipher <name...>', 'ciphers that take part, for example AES-128-GCM')
    .option('--min-bytes <n>', 'bytes; smaller responses and uploads stay in userspace')
    .option('--force', 'even shortly after a rollback by the guard, or without kernel TLS on this host')
    .action(set);
  withExamples(
    command,
    "sealgate rollout set tx-canary --percent 5 --why 'first canary'",
    "sealgate rollout set --server-name '*.video.example.org' --min-bytes 1000000 --why 'video only'",
  );
}

async function show(options: ControlOptions & { json?: true }): Promise<void> {
  const view = await (await ControlClient.of(options)).get<Shown>('/rollout');
  console.log(options.json ? JSON.stringify(view) : textOf(view));
}

async function set(phase: string | undefined, options: SetOptions): Promise<void> {
  const slice = {
    clients: options.client,
    serverNames: options.serverName,
    listeners: options.listener,
    protocols: options.protocol,
    ciphers: options.cipher,
    minBytes: amount(options.minBytes, '--min-bytes'),
  };
  const change = {
    phase,
    percent: amount(options.percent, '--percent'),
    control: amount(options.controlGroup, '--control-group'),
    sticky: options.sticky,
    ...(Object.values(slice).some((value) => value !== undefined) && { slice }),
  } as RolloutChange;
  const body = { ...change, why: options.why, ...(options.force && { force: true }) };
  checkChange(body);
  console.log(textOf(await (await ControlClient.of(options)).post<Shown>('/rollout', body)));
}

async function back(options: ControlOptions & { why: string }): Promise<void> {
  checkReason(options.why);
  const client = await ControlClient.of(options);
  console.log(textOf(await client.post<Shown>('/rollout/rollback', { why: options.why })));
}

async function log(options: ControlOptions & { json?: true }): Promise<void> {
  const client = await ControlClient.of(options);
  const { entries } = await client.get<{ entries: AuditEntry[] }>('/audit');
  for (const entry of entries.reverse()) {
    const { at, who, action, why, state } = entry;
    if (options.json) {
      console.log(JSON.stringify(entry));
      continue;
    }
    const { phase, percent } = (state ?? {}) as { phase?: string; percent?: number };
    const what = phase === undefined ? action : `${action}: ${phase}, ${percent} %`;
    console.log(`${at}  ${who}  ${what}  ${why}`);
  }
}

function amount(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  return numberOf(flag, text, 'a number', () => true);
}

function textOf(shown: Shown): string {
  const { phase, percent, control, sticky, slice, changed, rollback, ktls, guard, traffic } = shown;
  const restricted = Object.entries(slice).filter(([name, value]) => restricts(name, value));
  const lines = [
    ['phase', `${phase}${ktls.works ? '' : ` (nothing moves: ${ktls.reason})`}`],
    ['canary', `${percent} % of the slice, ${sticky ? 'by client' : 'by connection'}; control ${control} %`],
    ...restricted.map(([name, value]) => [name, [value].flat().join(', ')]),
    ['changed', `${changed.at} by ${changed.who}: ${changed.why}`],
    ['kernel', `${shareText(traffic.share)} in the last ${minutes(traffic.seconds)}`],
    ['', `${shareText(traffic.since.change.share)} since the last change or start`],
    ['', `${shareText(traffic.since.start.share)} since the start`],
    ['connections', connectionsTold(traffic)],
    ['guard', guardTold(guard)],
    ...stepTold(guard),
    ...guard.comparisons.map(({ metric, canary, control: other, p, verdict }) => [
      '',
      `${metric}: canary ${short(canary)}, control ${short(other)}, p ${short(p)}: ${verdict}`,
    ]),
  ];
  if (rollback) {
    const seconds = rollback.lastNewConnectionSeconds;
    const last =
      seconds > 0 ? `the last connection moved ${seconds.toFixed(3)} s later` : 'nothing moved since';
    lines.push(['rolled back', `${rollback.at}; ${last}`]);
  }
  if (guard.evidence) lines.push(['evidence', guard.evidence]);
  return lines.map(([name = '', value = '']) => `${name.padEnd(12)}${value}`).join('\n');
}

function stepTold({ step }: GuardStatus): string[][] {
  if (!step) return [];
  const [first = 'the next look', ...others] = step.waitsFor;
  return [['next step', `${step.next} %; waits for ${first}`], ...others.map((each) => ['', `and ${each}`])];
}

function connectionsTold({ canary: { connections, movable, moved } }: TrafficView): string {
  return `of ${connections} canary connections ${movable} had a transfer for the kernel; it took ${moved}`;
}

/** A list of all protocols or all ciphers is no restriction. */
function restricts(name: string, value: string[] | number): boolean {
  if (!Array.isArray(value)) return value > 0;
  const all = { protocols: ktlsProtocols.length, ciphers: ktlsCiphers.length }[name];
  return value.length > 0 && value.length !== all;
}

function guardTold({ enabled, verdict, intervals, coolDownUntil }: GuardStatus): string {
  const few = `not enough traffic that the kernel could take, in both groups (${intervals} intervals)`;
  const found = verdict === 'insufficient' ? few : verdict;
  return `${enabled ? '' : 'does not act; '}${found}${coolDownUntil ? `; waits until ${coolDownUntil}` : ''}`;
}

const short = (value: number) => `${Number(value.toPrecision(3))}`;
