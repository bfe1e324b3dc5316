// Rollout: which connections may use kernel TLS on this server, and who decided so and why. Its state is
// kept in the audit log: after a restart the last entry counts, unless the configuration was edited since.

import { createHash, randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { phases, type RolloutChange, type RolloutState, rolloutSchema } from '../config/rollout.ts';
import type { EngineRollout } from '../native/addon.ts';
import type { AuditLog } from './audit_log.ts';

export interface Author {
  /** A token's id, `loopback`, `guard` or `configuration`. */
  who: string;
  why: string;
}

export interface RolloutParts {
  audit: AuditLog;
  /** The state that the configuration asks for. */
  initial: RolloutState;
  /** The listeners' URLs as configured, in the order that the engine knows them by. */
  listeners: string[];
  /** Whether kernel TLS can work on this host; if not, the reason. */
  ktls: { works: boolean; reason: string };
  engine: { setRollout(rollout: EngineRollout): void; lastMove(): number };
  log: Logger;
}

interface Rollback {
  /** Milliseconds since the epoch. */
  at: number;
  /** Seconds from the rollback to the last connection that still moved into the kernel; 0 if none did. */
  lastNewConnectionSeconds: number;
}

/** The state as operators see it. Times are ISO 8601. */
export interface RolloutView extends RolloutState {
  ktls: RolloutParts['ktls'];
  changed: { at: string; who: string; why: string };
  rollback?: { at: string; lastNewConnectionSeconds: number };
  lastMove?: string;
}

/** A refused change. The message says why, and what to do. */
export class RolloutRefused extends Error {}

const action = 'rollout';

export class Rollout {
  readonly #parts: RolloutParts;
  readonly #configured: string;
  readonly #salt: string;
  #state: RolloutState;
  #author: Author & { at: number };
  /** Milliseconds since the epoch. Until then, raising the rollout needs force. */
  coolDownUntil = 0;
  #rollback: Rollback | undefined;
  /** Host names that put the server's own test fetches (sentinel.ts) into a group. */
  readonly sentinels = { canary: `${name()}.canary.invalid`, control: `${name()}.control.invalid` };
  /** The last change: each change waits for the one before it. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(parts: RolloutParts, configured: string, found: Recovered | undefined) {
    this.#parts = parts;
    this.#configured = configured;
    this.#salt = found?.salt ?? randomBytes(8).toString('hex');
    this.#state = found?.state ?? parts.initial;
    this.#author = found?.author ?? { who: 'configuration', why: 'first start', at: Date.now() };
    this.coolDownUntil = found?.coolDownUntil ?? 0;
  }

  /** Restores the state from the audit log and passes it to the engine. */
  static async start(parts: RolloutParts): Promise<Rollout> {
    const configured = createHash('sha256').update(JSON.stringify(parts.initial)).digest('hex').slice(0, 16);
    const found = recovered(parts.audit);
    const rollout = new Rollout(parts, configured, found);
    if (!found || found.configured !== configured) {
      const why = found ? 'the configuration was edited' : 'first start';
      rollout.#state = parts.initial;
      rollout.#author = { who: 'configuration', why, at: Date.now() };
      await rollout.#record(rollout.#author);
    }
    rollout.#apply();
    return rollout;
  }

  get state(): RolloutState {
    return this.#state;
  }

  /** Time of the last change, milliseconds since the epoch. */
  get changedAt(): number {
    return this.#author.at;
  }

  view(): RolloutView {
    const lastMove = this.#parts.engine.lastMove() * 1000;
    this.#measureRollback();
    return {
      ...this.#state,
      ktls: this.#parts.ktls,
      changed: { ...this.#author, at: new Date(this.#author.at).toISOString() },
      ...(this.#rollback && {
        rollback: { ...this.#rollback, at: new Date(this.#rollback.at).toISOString() },
      }),
      ...(lastMove > 0 && { lastMove: new Date(lastMove).toISOString() }),
    };
  }

  /**
   * Resolves when the change is in force and in the audit log. Rejects with RolloutRefused when the change
   * is impossible, or when it is unwise and `force` is false.
   */
  change(change: RolloutChange, author: Author, force = false): Promise<void> {
    return this.#inTurn(async () => {
      const slice = { ...this.#state.slice, ...change.slice };
      const next = rolloutSchema.parse({ ...this.#state, ...change, slice });
      this.#listenersOf(next);
      const up = !isReduction(this.#state, next);
      this.#refuseWithoutEffect(next, up && !force);
      if (up && !force && Date.now() < this.coolDownUntil) {
        const until = new Date(this.coolDownUntil).toISOString();
        throw new RolloutRefused(`the guard rolled back and waits until ${until}; force it to go on before`);
      }
      this.#measureRollback();
      if (up) this.coolDownUntil = 0;
      const before = this.#state;
      this.#state = next;
      this.#author = { ...author, at: Date.now() };
      // A reduction takes effect before it is recorded: safety first. An increase must be on record first.
      if (!up) this.#apply();
      try {
        await this.#record(author);
      } catch (error) {
        if (this.#state === next && up) this.#state = before;
        throw error;
      }
      if (up) this.#apply();
    });
  }

  /** Puts every new connection on userspace TLS; connections that are in the kernel already stay there. */
  async rollBack(author: Author, coolDownUntil = 0): Promise<void> {
    this.#rollback = { at: Date.now(), lastNewConnectionSeconds: 0 };
    this.coolDownUntil = Math.max(this.coolDownUntil, coolDownUntil);
    // Set at once, so that it does not wait behind a change whose audit entry is still being written.
    this.#state = { ...this.#state, phase: 'instrument' };
    this.#apply();
    await this.change({ phase: 'instrument' }, author);
  }

  // After a rollback: how long connections still moved into the kernel.
  #measureRollback(): void {
    if (!this.#rollback || this.#state.phase !== 'instrument') return;
    const after = this.#parts.engine.lastMove() - this.#rollback.at / 1000;
    this.#rollback.lastNewConnectionSeconds = Math.max(0, after);
  }

  // A phase in which nothing can move would look like kernel TLS without any benefit, so it is refused.
  #refuseWithoutEffect(next: RolloutState, asked: boolean): void {
    const { works, reason } = this.#parts.ktls;
    if (works || !asked || next.phase === 'instrument') return;
    throw new RolloutRefused(
      `${reason}, so nothing would move; see 'sealgate doctor', or force it to set the phase all the same`,
    );
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  #apply(): void {
    const { phase, percent, control, sticky, slice } = this.#state;
    this.#parts.engine.setRollout({
      phase,
      canary: Math.min(percent, 100 - control) / 100,
      sticky,
      salt: this.#salt,
      slice: { ...slice, listeners: this.#listenersOf(this.#state) },
      sentinels: this.sentinels,
    });
  }

  #listenersOf({ slice }: RolloutState): number[] {
    return slice.listeners.map((url) => {
      const index = this.#parts.listeners.indexOf(url);
      if (index >= 0) return index;
      throw new RolloutRefused(
        `slice.listeners: ${url} is no listener; there are ${this.#parts.listeners.join(', ')}`,
      );
    });
  }

  async #record({ who, why }: Author): Promise<void> {
    const { phase, percent } = this.#state;
    await this.#parts.audit.append({
      who,
      why,
      action,
      state: this.#state,
      salt: this.#salt,
      configured: this.#configured,
      coolDownUntil: this.coolDownUntil,
    });
    this.#parts.log.info({ phase, percent, who, why }, 'rollout');
  }
}

interface Recovered {
  state: RolloutState;
  salt: string;
  configured: string;
  coolDownUntil: number;
  author: Author & { at: number };
}

function recovered(audit: AuditLog): Recovered | undefined {
  const entry = audit.last(action);
  const state = rolloutSchema.safeParse(entry?.state);
  if (!entry || !state.success) return undefined;
  return {
    state: state.data,
    salt: String(entry.salt),
    configured: String(entry.configured),
    coolDownUntil: Number(entry.coolDownUntil) || 0,
    author: { who: entry.who, why: entry.why, at: Date.parse(entry.at) },
  };
}

/** Whether the change only takes connections away from kernel TLS. */
function isReduction(before: RolloutState, after: RolloutState): boolean {
  const sameSlice = JSON.stringify(before.slice) === JSON.stringify(after.slice);
  const lower = phases.indexOf(after.phase) <= phases.indexOf(before.phase);
  return after.phase === 'instrument' || (lower && sameSlice && after.percent <= before.percent);
}

function name(): string {
  return randomBytes(16).toString('hex');
}
