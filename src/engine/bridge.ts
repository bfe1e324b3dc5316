// Bridge: passes requests from the reactors to the application, and plans back. Each request gets exactly one
// answer, whatever the application does, and no error here can end the process.

import type { Logger } from 'pino';
import type { ErrorCode } from '../errors.ts';
import type {
  AbortedEvent,
  BodyEvent,
  EngineEvent,
  Plan,
  Reactor,
  ReceivedEvent,
  RequestEvent,
  SealBreak,
} from '../native/addon.ts';
import { addon, type BrokenEvent } from '../native/addon.ts';
import { forEachEvent } from '../native/events.ts';
import { EngineRequest } from './engine_request.ts';
import { type Answer, type ProblemPlan, problem, problemFrom, type Receiver } from './plan.ts';

/** The data-plane application. A synchronous answer costs no promise. */
export type Handle = (request: EngineRequest) => Answer | Promise<Answer>;

export interface BridgeOptions {
  handle: Handle;
  /** Called when a blob differs from its record. Rejections are logged. */
  broken(digest: string, found: SealBreak): Promise<void>;
  /** Called with the code of every refusal. */
  refused(code: ErrorCode): void;
  log: Logger;
}

export class Bridge {
  readonly #options: BridgeOptions;
  readonly #reactors = new Map<number, Reactor>();
  /** Bodies that are arriving, by reactor and request. The engine's limits bound their number. */
  readonly #bodies = new Map<number, Map<number, { wanted: Receiver; name: string }>>();
  /** The work on bodies that have arrived: storing them, or deciding by them. No promise rejects. */
  readonly #commits = new Set<Promise<void>>();

  constructor(options: BridgeOptions) {
    this.#options = options;
  }

  /** Starts to answer. One bridge a process. */
  listen(): void {
    const guarded = (event: EngineEvent) => this.#guard(() => this.#on(event));
    addon.onEvents((batch) => forEachEvent(batch, guarded));
  }

  /** Stops answering. Resolves when all received bodies are stored or given up. */
  async close(): Promise<void> {
    addon.onEvents(undefined);
    await Promise.all(this.#commits);
  }

  add(reactor: Reactor): void {
    this.#reactors.set(reactor.id, reactor);
    this.#bodies.set(reactor.id, new Map());
  }

  /** Forgets a reactor that has ended. */
  remove(reactor: Reactor): void {
    this.#reactors.delete(reactor.id);
    for (const { wanted } of this.#bodies.get(reactor.id)?.values() ?? []) giveUp(wanted);
    this.#bodies.delete(reactor.id);
  }

  #on(event: EngineEvent): void {
    switch (event.kind) {
      case 'request':
        this.#onRequest(event);
        break;
      case 'received':
      case 'body':
        this.#onReceived(event);
        break;
      case 'aborted':
        this.#onAborted(event);
        break;
      case 'broken':
        void this.#onBroken(event);
    }
  }

  #onRequest(event: RequestEvent): void {
    const answer = this.#ask(event.name, () => this.#options.handle(new EngineRequest(event)));
    if (answer instanceof Promise) void answer.then((settled) => this.#answerFirst(event, settled));
    else this.#answerFirst(event, answer);
  }

  #onReceived(event: ReceivedEvent | BodyEvent): void {
    const bodies = this.#bodies.get(event.reactor);
    const waiting = bodies?.get(event.request);
    bodies?.delete(event.request);
    const received = async () => (await decided(waiting?.wanted, event)) ?? problem('internal');
    const answer = this.#ask(waiting?.name ?? '', received);
    const commit = Promise.resolve(answer).then((settled) => {
      this.#answer(event, settled);
      this.#commits.delete(commit);
    });
    this.#commits.add(commit);
  }

  #onAborted({ reactor, request }: AbortedEvent): void {
    const bodies = this.#bodies.get(reactor);
    const waiting = bodies?.get(request);
    bodies?.delete(request);
    if (waiting) giveUp(waiting.wanted);
  }

  async #onBroken(event: BrokenEvent): Promise<void> {
    const { broken, log } = this.#options;
    const { digest, reason } = event;
    log.warn({ digest, reason }, 'a blob is not as it was recorded; it is proved again');
    try {
      await broken(digest, reason);
    } catch (error) {
      log.error({ err: error, digest }, 'a blob failed its proof');
    }
  }

  // The application's answer, or a refusal if it throws or rejects. The promise never rejects.
  #ask(request: string, question: () => Answer | Promise<Answer>): Answer | Promise<Answer> {
    const refuse = (error: unknown) => problemFrom(error, this.#options.log, request);
    try {
      const answer = question();
      return answer instanceof Promise ? answer.then(checked).catch(refuse) : checked(answer);
    } catch (error) {
      return refuse(error);
    }
  }

  #answerFirst(event: RequestEvent, answer: Answer): void {
    if (answer.kind === 'receive')
      this.#bodies.get(event.reactor)?.set(event.request, { wanted: answer, name: event.name });
    this.#answer(event, answer);
  }

  #answer(event: { reactor: number; request: number }, answer: Answer): void {
    this.#guard(() => {
      const refusal = (answer as Partial<ProblemPlan>).problem;
      if (refusal !== undefined) this.#options.refused(refusal);
      this.#send(event, answer);
    });
  }

  // A plan that the engine cannot read or carry out must not leave the request without an answer.
  #send(event: { reactor: number; request: number }, plan: Plan): void {
    const reactor = this.#reactors.get(event.reactor);
    if (!reactor) giveUp(plan);
    try {
      reactor?.answer(event.request, plan);
    } catch (error) {
      giveUp(plan);
      this.#bodies.get(event.reactor)?.delete(event.request);
      const busy = (error as NodeJS.ErrnoException).code === 'EBUSY';
      const refusal = busy ? problem('upload-busy') : problemFrom(error, this.#options.log);
      this.#options.refused(refusal.problem);
      reactor?.answer(event.request, refusal);
    }
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#options.log.error({ err: error }, 'an event of the engine could not be handled');
    }
  }
}

// The application's decision about a body; undefined when the body went to another sink than the plan said.
function decided(
  wanted: Receiver | undefined,
  whole: ReceivedEvent | BodyEvent,
): Answer | Promise<Answer> | undefined {
  if (whole.kind === 'body') return wanted?.sink === 'memory' ? wanted.received(whole.bytes) : undefined;
  return wanted === undefined || wanted.sink === 'memory' ? undefined : wanted.received(whole);
}

// No body is received by this plan: nobody has to wait for more of it.
function giveUp(plan: Plan): void {
  if (plan.kind === 'receive' && typeof plan.sink === 'object' && 'growing' in plan.sink)
    plan.sink.growing?.fail();
}

// Throws when a route returned something else than an answer, which types alone do not rule out.
function checked(answer: Answer): Answer {
  if (typeof answer?.kind === 'string') return answer;
  throw new TypeError('a route returned something that is no answer');
}
