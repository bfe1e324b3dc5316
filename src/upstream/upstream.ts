// Upstream: one server that objects are fetched from. It bounds what is fetched of it at a time, leaves it
// alone while it fails, and counts.

import { existsSync, statSync } from 'node:fs';
import type { Logger } from 'pino';
import { secretLine } from '../auth/secret_line.ts';
import { noCredentials, othersMayRead, secretPathOf } from '../auth/secret_path.ts';
import { ConfigError } from '../config/config.ts';
import type { UpstreamConfig } from '../config/upstreams.ts';
import { SealgateError } from '../errors.ts';
import type { Counters } from '../native/addon.ts';
import { Places } from '../places.ts';
import { readNamedSync, whyUnreadable } from '../regular_file.ts';
import { Circuit } from './circuit.ts';
import type { Fetch, Fetcher } from './fetcher.ts';
import type { Fetched, FetchFault, PartsTask, SendTask, Sent, Speaking } from './fetching.ts';
import { RegistryLogin } from './registry_login.ts';

/** What is asked of it. */
export type Wanted = Pick<Fetch, 'method' | 'accept' | 'validators' | 'provable' | 'take' | 'signal'> & {
  /** As a URL has it, below the URL of the upstream. */
  path: string;
  /** Where it is instead, on a host that `redirectsTo` names; no credentials go there. */
  url?: string | undefined;
  /** Bytes, where fewer are taken than the settings allow. */
  maxBytes?: number | undefined;
  /** Of a registry, below the URL of the upstream: credentials are for each. */
  repository?: string | undefined;
};

/** What is sent to it. */
export type Asked = Omit<SendTask, 'url' | 'speaking'> & {
  path: string;
  /** Whether it is a service of its own, which may fail while objects are to be had. */
  isApart?: boolean | undefined;
};

export class Upstream {
  readonly name: string;
  readonly config: UpstreamConfig;
  readonly #fetcher: Fetcher;
  readonly #log: Logger;
  readonly #ca: string | undefined;
  readonly #client: Speaking['client'];
  readonly #circuit = new Circuit();
  readonly #places: Places;
  readonly #counted = new Map<string, number>();
  readonly #login: RegistryLogin;
  /** Milliseconds since the epoch, until when it wants to be left alone. */
  #restsUntil = 0;
  #waiting = 0;
  #underWay = 0;
  #bytes = 0;
  #milliseconds = 0;
  #mismatches = 0;

  /** Throws when a file that it names cannot be read. */
  constructor(name: string, config: UpstreamConfig, fetcher: Fetcher, log: Logger) {
    this.name = name;
    this.config = config;
    this.#fetcher = fetcher;
    this.#log = log;
    const { ca, cert, key } = readUpstreamFiles(name, config);
    this.#ca = ca;
    this.#client = cert !== undefined && key !== undefined ? { cert, key } : undefined;
    const { credentials } = config.registry ?? {};
    this.#login = new RegistryLogin({
      config,
      credentials: () => (credentials === undefined ? undefined : secretLine(credentials)),
      ask: (url, authorization) => fetcher.token({ url, authorization, speaking: this.#speaking() }),
    });
    this.#places = new Places(config.concurrency);
  }

  /** Throws `upstream-busy`, `upstream-offline`, and what `take` throws. */
  fetch(wanted: Wanted): Promise<Fetched> {
    return this.#inTurn(() => this.#fetch(wanted));
  }

  /** Sends a request whose answer is small. Throws `upstream-busy` and `upstream-offline`. */
  send({ path, isApart, ...asked }: Asked): Promise<Sent> {
    const send = () => this.#fetcher.send({ url: this.urlOf(path), speaking: this.#speaking(), ...asked });
    return this.#inTurn(() => this.#judged(path, send, isApart));
  }

  /** Sends an object in parts. Throws as `send` does. */
  sendParts({ path, ...task }: Omit<PartsTask, 'url' | 'speaking'> & { path: string }): Promise<Sent> {
    return this.#inTurn(() =>
      this.#judged(path, () =>
        this.#fetcher.sendParts({ url: this.urlOf(path), speaking: this.#speaking(), ...task }),
      ),
    );
  }

  /** Of a file. */
  urlOf(path: string): string {
    const { url, s3 } = this.config;
    return s3 ? `${url}${s3.bucket}/${path}` : url + path;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.config.offline) {
      this.#count('offline');
      throw new SealgateError('upstream-offline');
    }
    const rest = this.#restsUntil - Date.now();
    if (rest > 0) {
      this.#count('too-many');
      throw busy(`The upstream ${this.name} wants to be left alone for a while.`, rest);
    }
    const after = this.#circuit.enter();
    if (after > 0) {
      this.#count('circuit-open');
      throw busy(`The upstream ${this.name} failed several times and is not asked just now.`, after);
    }
    if (this.#waiting >= this.config.waiting && this.#underWay >= this.config.concurrency) {
      this.#circuit.leave();
      this.#count('too-many');
      throw busy(`Too many objects of the upstream ${this.name} are waited for.`, 1000);
    }
    this.#waiting++;
    const leave = await this.#places.take(1);
    this.#waiting--;
    this.#underWay++;
    try {
      return await work();
    } finally {
      this.#underWay--;
      leave();
    }
  }

  #fetch({ path, url = this.urlOf(path), maxBytes, repository, ...wanted }: Wanted): Promise<Fetched> {
    const run = (authorization?: string) => {
      const speaking = this.#speaking();
      speaking.maxBytes = Math.min(speaking.maxBytes, maxBytes ?? Number.POSITIVE_INFINITY);
      const more = repository !== undefined && { authorization, headAtHome: true };
      return this.#fetcher.run({ url, speaking: { ...speaking, ...more }, ...wanted });
    };
    return this.#judged(path, () => (repository === undefined ? run() : this.#asLogin(repository, run)));
  }

  /** @param run asks with such credentials. */
  async #asLogin(
    below: string,
    run: (authorization: string | undefined) => Promise<Fetched>,
  ): Promise<Fetched> {
    const repository = repositoryAt(this.config.url, below);
    const first = this.#login.of(repository);
    const fetched = await run(first);
    if (fetched.kind !== 'failed' || fetched.challenge === undefined) return fetched;
    const shown = await this.#login.after(fetched.challenge, repository, first);
    return 'authorization' in shown ? run(shown.authorization) : { ...fetched, denied: false, ...shown };
  }

  async #judged<Became extends Fetched | Sent>(
    path: string,
    work: () => Promise<Became>,
    isApart = false,
  ): Promise<Became> {
    const began = performance.now();
    try {
      const fetched = await work();
      this.#bytes += fetched.bytes;
      this.#judge(fetched, path, isApart);
      return fetched;
    } catch (error) {
      this.#circuit.leave();
      this.#count('refused');
      throw error;
    } finally {
      this.#milliseconds += performance.now() - began;
    }
  }

  #judge(fetched: Fetched | Sent, path: string, isApart: boolean): void {
    const { name, config } = this;
    this.#count(fetched.kind === 'failed' ? fetched.fault : fetched.kind);
    if (fetched.kind !== 'failed') {
      if (this.#circuit.isOpen) this.#log.info({ upstream: name }, 'an upstream answers again');
      this.#circuit.succeeded();
      return;
    }
    const { fault, message: reason, attempts } = fetched;
    const { after = 0 } = 'after' in fetched ? fetched : {};
    if (after > 0) this.#restsUntil = Date.now() + Math.min(after, longestRest);
    if (!isOutage(fault) || (isApart && fault === 'status')) this.#circuit.leave();
    else if (this.#circuit.failed())
      this.#log.error({ upstream: name, url: config.url, reason }, 'an upstream fails and is left alone');
    if (fault !== 'canceled')
      this.#log.warn({ upstream: name, path, fault, reason, attempts }, 'an object was not fetched');
  }

  #speaking(): Speaking {
    const { config } = this;
    const ms = (seconds: number) => Math.ceil(seconds * 1000);
    return {
      base: config.url,
      ca: this.#ca,
      client: this.#client,
      // Read anew, as the credentials of a proxy are, so that another token counts as soon as it is there.
      proxy: proxyOf(config),
      token: config.token === undefined ? undefined : secretLine(config.token),
      authorization: config.credentials === undefined ? undefined : basic(config.credentials),
      s3: config.s3 && {
        region: config.s3.region,
        accessKey: secretLine(config.s3.accessKey),
        secretKey: secretLine(config.s3.secretKey),
      },
      connectMs: ms(config.connectSeconds),
      firstByteMs: ms(config.firstByteSeconds),
      idleMs: ms(config.idleSeconds),
      totalMs: ms(config.totalSeconds),
      attempts: config.attempts,
      maxBytes: config.maxBytes,
      redirects: config.redirects,
      redirectsTo: config.redirectsTo,
    };
  }

  /** What it sent has another digest than was promised. */
  mismatched(): void {
    this.#mismatches++;
  }

  #count(outcome: string): void {
    this.#counted.set(outcome, (this.#counted.get(outcome) ?? 0) + 1);
  }

  counters(): Counters {
    const { name } = this;
    const fetches = [...this.#counted].map(([outcome, count]) => [
      `upstream_fetches.${name}/${outcome}`,
      count,
    ]);
    return {
      ...Object.fromEntries(fetches),
      [`upstream_bytes.${name}`]: this.#bytes,
      [`upstream_seconds.${name}`]: this.#milliseconds,
      [`upstream_mismatches.${name}`]: this.#mismatches,
      [`upstream_under_way.${name}`]: this.#underWay,
      [`upstream_waiting.${name}`]: this.#waiting,
      [`upstream_circuit_open.${name}`]: Number(this.#circuit.isOpen),
    };
  }
}

/** Milliseconds for which an upstream is left alone that wants it. */
const longestRest = 3_600_000;

/** As the registry calls it, whose paths begin with `/v2/`. */
function repositoryAt(url: string, below: string): string {
  const [, within = ''] = /\/v2\/(.*)$/.exec(new URL(url).pathname) ?? [];
  return within + below;
}

type FileSetting = 'ca' | 'certificate' | 'key' | 'token' | 'proxyCredentials';

/** Throws ConfigError when a file that the settings name cannot be read, or a secret by others, too. */
export function readUpstreamFiles(name: string, config: UpstreamConfig) {
  const read = (setting: FileSetting, look: (path: string) => string) =>
    config[setting] === undefined ? undefined : named(`upstreams.${name}.${setting}`, config[setting], look);
  const found = {
    ...{ ca: read('ca', readNamedSync), cert: read('certificate', readNamedSync) },
    key: read('key', privateFile),
  };
  read('token', secretLine);
  read('proxyCredentials', secretLine);
  checkCredentials(name, config);
  for (const which of ['accessKey', 'secretKey'] as const)
    if (config.s3) named(`upstreams.${name}.s3.${which}`, config.s3[which], secretLine);
  const { credentials } = config.registry ?? {};
  if (credentials !== undefined) named(`upstreams.${name}.registry.credentials`, credentials, secretLine);
  return found;
}

function proxyOf({ proxy, proxyCredentials }: UpstreamConfig): Speaking['proxy'] {
  if (proxy === undefined) return undefined;
  if (proxyCredentials === undefined) return { url: proxy };
  return { url: proxy, authorization: basic(proxyCredentials) };
}

/** Throws ConfigError. @param file with one line USER:PASSWORD. */
function basic(file: string): string {
  return `Basic ${Buffer.from(secretLine(file)).toString('base64')}`;
}

/** Throws ConfigError. What cannot be read may be a password in place of a file, so it is not told. */
function checkCredentials(upstream: string, { credentials }: UpstreamConfig): void {
  if (credentials === undefined) return;
  const setting = `upstreams.${upstream}.credentials`;
  const path = secretPathOf(credentials);
  if (path !== undefined && !existsSync(path))
    throw new ConfigError(`${setting}: the file that it names is not there`);
  const line = named(setting, credentials, secretLine);
  if (!/^[^:]+:/.test(line))
    throw new ConfigError(`${setting}: ${credentials}: expected one line USER:PASSWORD`);
}

/** Throws ConfigError when others may read it. */
function privateFile(name: string): string {
  const path = secretPathOf(name);
  if (path === undefined) throw new ConfigError(noCredentials(name));
  const text = readNamedSync(path);
  if (othersMayRead(name, statSync(path).mode))
    throw new ConfigError(`${path}: others may read it; run chmod 600 on it`);
  return text;
}

/** Throws ConfigError. */
function named(setting: string, path: string, look: (path: string) => string): string {
  try {
    return look(path);
  } catch (cause) {
    if (cause instanceof ConfigError) throw new ConfigError(`${setting}: ${cause.message}`, { cause });
    throw new ConfigError(`${setting}: ${path} cannot be read (${whyUnreadable(cause)})`, { cause });
  }
}

/** Whether a fault is the whole upstream's, and not one of its objects'. */
function isOutage(fault: FetchFault): boolean {
  return ['unreachable', 'late', 'status', 'cut'].includes(fault);
}

function busy(detail: string, afterMs: number): SealgateError {
  return new SealgateError('upstream-busy', detail, { retryAfter: Math.ceil(afterMs / 1000) });
}
