// RegistryLogin: the credentials that one registry takes for each repository. A password goes to the registry
// itself and to token servers that the configuration names, and a token to the registry alone.

import type { UpstreamConfig } from '../config/upstreams.ts';
import { setNewest } from '../newest_map.ts';
import { challengesIn } from './challenge.ts';
import type { FetchFault, TokenAnswer } from './fetching.ts';

/** Tokens that are remembered, of some KiB each. */
const mostTokens = 1000;
/** Of the time that a token is good for: then another one is fetched, before it is refused. */
const usedShare = 0.9;
const longestSeconds = 86_400;

export interface LoginParts {
  config: Pick<UpstreamConfig, 'url' | 'registry'>;
  /** `USER:PASSWORD`; undefined: nobody. Read anew for each token. */
  credentials(): string | undefined;
  ask(url: string, authorization: string | undefined): Promise<TokenAnswer>;
  /** Milliseconds since the epoch. */
  now?(): number;
}

/** `authorization` is what a request shows; else why there is none. */
export type Shown = { authorization: string } | { fault: FetchFault; message: string; denied?: boolean };

interface Known {
  authorization: string;
  /** Milliseconds since the epoch. */
  until: number;
}

export class RegistryLogin {
  readonly #parts: LoginParts;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();
  readonly #underWay = new Map<string, Promise<Shown>>();

  constructor(parts: LoginParts) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => Date.now());
  }

  /** What the next request for a repository shows; undefined: nothing that is known. */
  of(repository: string): string | undefined {
    const known = this.#known.get(repository);
    return known && known.until > this.#now() ? known.authorization : undefined;
  }

  /**
   * What to show after a challenge; one request for all who wait.
   * @param shown what was refused. Another one that was learned meanwhile is used.
   */
  after(challenge: string, repository: string, shown: string | undefined): Promise<Shown> {
    const known = this.of(repository);
    if (known !== undefined && known !== shown) return Promise.resolve({ authorization: known });
    const underWay = this.#underWay.get(repository);
    if (underWay) return underWay;
    this.#known.delete(repository);
    const asking = this.#login(challenge, repository, shown).finally(() => {
      this.#underWay.delete(repository);
    });
    this.#underWay.set(repository, asking);
    return asking;
  }

  async #login(field: string, repository: string, shown: string | undefined): Promise<Shown> {
    const challenges = challengesIn(field);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer) return this.#token(bearer.parameters, repository);
    const credentials = this.#parts.credentials();
    const isBasic = challenges.some(({ scheme }) => scheme === 'basic');
    if (!isBasic || credentials === undefined)
      return refused('it wants credentials, and "registry.credentials" has none that it takes');
    const authorization = basic(credentials);
    if (authorization === shown) return refused('it does not take the credentials');
    setNewest(this.#known, repository, { authorization, until: Number.POSITIVE_INFINITY }, mostTokens);
    return { authorization };
  }

  async #token(parameters: ReadonlyMap<string, string>, repository: string): Promise<Shown> {
    const realm = this.#realm(parameters.get('realm') ?? '');
    if (typeof realm === 'string') return refused(realm);
    const service = parameters.get('service');
    if (service !== undefined) realm.searchParams.set('service', service);
    // Not what the challenge says: nobody is to be given more than what a pull takes.
    realm.searchParams.set('scope', `repository:${repository}:pull`);
    const credentials = this.#parts.credentials();
    const answer = await this.#parts.ask(realm.href, credentials && basic(credentials));
    if (answer.kind === 'failed') {
      const { fault, message, denied = false } = answer;
      // Of credentials nobody knows whether it takes them at all.
      return { fault, message, denied: denied && credentials === undefined };
    }
    const seconds = Math.min(Math.max(answer.seconds, 1), longestSeconds);
    const authorization = `Bearer ${answer.token}`;
    const until = this.#now() + seconds * usedShare * 1000;
    setNewest(this.#known, repository, { authorization, until }, mostTokens);
    return { authorization };
  }

  /** A text: why it is not asked. */
  #realm(text: string): URL | string {
    const { url, registry } = this.#parts.config;
    const own = new URL(url);
    if (!URL.canParse(text)) return 'its challenge names no token server';
    const realm = new URL(text);
    const where = `its token server, ${realm.protocol}//${realm.host},`;
    if (realm.username !== '' || realm.password !== '') return `${where} has a user name in its URL`;
    const isSafe = realm.protocol === 'https:' || (realm.protocol === 'http:' && own.protocol === 'http:');
    if (!isSafe) return `${where} is not asked by https:`;
    if (realm.host !== own.host && !registry?.realms.includes(realm.hostname))
      return `${where} is another server, and "registry.realms" does not name it`;
    return realm;
  }
}

function refused(message: string): Shown {
  return { fault: 'refused', message };
}

function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}
