// Pull-through: repositories that other registries have. What is pulled is a mirror's object under the name
// that a push would have given it, so that it is sent, kept and evicted as all of them are.

import type { EngineRequest } from '../../../engine/engine_request.ts';
import type { Answer } from '../../../engine/plan.ts';
import { pathPattern } from '../../../path_pattern.ts';
import type { Mount, Services } from '../../../sites/mount.ts';
import { coversRepository } from '../../../upstream/bounds.ts';
import type { Upstream } from '../../../upstream/upstream.ts';
import { type Mirror, mirrorOf } from '../../mirror/mirror.ts';
import { RegistryError } from '../errors.ts';

/** What a registry pulls through. */
export interface Pull {
  mirror: Mirror;
  /** Whether no upstream is ever asked for a repository. */
  isLocal(repository: string): boolean;
}

/** A repository that upstreams may have. */
export interface Pulled {
  /** With those upstreams that are asked for it. */
  mirror: Mirror;
  /** What they call it. */
  repository: string;
}

/** Undefined: the registry has what is pushed to it, and nothing else. */
export function pullOf(services: Services, mount: Mount): Pull | undefined {
  const { site, path } = mount;
  if (site?.upstreams === undefined) return undefined;
  const local = (site.mirror?.local ?? []).map(pathPattern);
  return {
    mirror: mirrorOf(services, mount),
    isLocal: (repository) => local.some((pattern) => coversRepository(pattern, path, repository)),
  };
}

/** Undefined: no upstream is asked for it. */
export function pulledFrom(pull: Pull | undefined, repository: string): Pulled | undefined {
  if (!pull || pull.isLocal(repository)) return undefined;
  const { mirror } = pull;
  const slash = repository.indexOf('/');
  const chosen = slash < 0 ? undefined : named(mirror.upstreams(), repository.slice(0, slash));
  if (!chosen) return { mirror, repository };
  return { mirror: { ...mirror, upstreams: () => [chosen] }, repository: repository.slice(slash + 1) };
}

function named(upstreams: readonly Upstream[], namespace: string): Upstream | undefined {
  return upstreams.find(({ config }) => config.registry?.namespaces.includes(namespace) === true);
}

/** Characters of a host name, and of a port behind it. */
const longestNamespace = 253 + ':65535'.length;
const namespacePattern = /^(?:[a-z0-9]+(?:(?:\.|-+)[a-z0-9]+)*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/**
 * The registry that a request names in `?ns=` if its client was sent here in its place; undefined: none.
 * Throws NAME_INVALID for what is no host.
 */
export function namespaceIn({ query }: Pick<EngineRequest, 'query'>): string | undefined {
  const [namespace, ...more] = query.getAll('ns');
  if (namespace === undefined) return undefined;
  const isHost = namespace.length <= longestNamespace && namespacePattern.test(namespace);
  if (isHost && more.length === 0) return namespace;
  const message = 'ns: expected once, with the host name of a registry, and its port if it has one.';
  throw new RegistryError(400, 'NAME_INVALID', message);
}

/** The repository that is asked for. Only what the configuration names is asked: throws NAME_UNKNOWN. */
export function repositoryAsked(
  pull: Pull | undefined,
  namespace: string | undefined,
  repository: string,
): string {
  if (!pull || namespace === undefined) return repository;
  const upstreams = pull.mirror.upstreams();
  const name = namespace.toLowerCase();
  if (!named(upstreams, name))
    throw new RegistryError(
      404,
      'NAME_UNKNOWN',
      `ns: no upstream of this registry has ${namespace} in "registry.namespaces".`,
    );
  return upstreams.length === 1 ? repository : `${name}/${repository}`;
}

/** The answer, which says whose repository it is about where the client asked for one of a registry. */
export function withNamespace(pull: Pull | undefined, namespace: string | undefined, answer: Answer): Answer {
  if (!pull || namespace === undefined || answer.kind === 'receive' || answer.kind === 'wait') return answer;
  return { ...answer, fields: [...answer.fields, ['OCI-Namespace', namespace]] };
}
