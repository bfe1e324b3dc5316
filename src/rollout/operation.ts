// Operation: everything that runs kernel TLS on this server: the audit log, the rollout whose state it
// keeps, the samples of the counters, and the guard that compares them.

import type { Logger } from 'pino';
import { type Config, urlOf } from '../config/config.ts';
import { addon, type Counters, type KtlsCapability } from '../native/addon.ts';
import { AuditLog } from './audit_log.ts';
import { Guard } from './guard.ts';
import { ktlsSummary } from './kernel_tls.ts';
import { Rollout } from './rollout.ts';
import { Samples } from './samples.ts';

export interface Operation {
  audit: AuditLog;
  rollout: Rollout;
  samples: Samples;
  guard: Guard;
  /** Starts taking samples; the guard acts from then on, until `pause`. */
  resume(): void;
  pause(): void;
  close(): Promise<void>;
}

/**
 * Restores the rollout's last state into the engine. Rejects when the audit log cannot be opened or
 * written.
 * @param counters returns the engine's totals.
 */
export async function startOperation(
  config: Config,
  found: KtlsCapability[],
  counters: () => Counters,
  log: Logger,
): Promise<Operation> {
  // With kernel TLS required there is nothing to try out first: the rollout begins with all traffic.
  const everything = { phase: 'rx', percent: 100, control: 0 } as const;
  const required = config.ktls.mode === 'require';
  const audit = await AuditLog.open(config.control.audit);
  const starting = Rollout.start({
    audit,
    initial: required ? { ...config.rollout, ...everything } : config.rollout,
    listeners: config.listeners.map(urlOf),
    ktls: ktlsSummary(config.ktls.mode, found),
    engine: addon,
    log,
  });
  const rollout = await starting.catch(async (cause) => {
    await audit.close();
    throw cause;
  });
  const samples = new Samples(counters, () => rollout.changedAt);
  const guard = new Guard({ policy: config.guard, samples, rollout, log });
  return {
    audit,
    rollout,
    samples,
    guard,
    resume: () => samples.start(config.guard.intervalSeconds, () => void guard.look()),
    pause: () => samples.close(),
    close: async () => {
      samples.close();
      await audit.close();
    },
  };
}
