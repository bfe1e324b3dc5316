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

/**
 * The repository that a request is for, which names a registry in `?ns=` if its client was sent here in place
 * of that one. Only what the configuration names is asked. Throws NAME_UNKNOWN for another.
 */
export function repositoryAsked(
  pull: Pull | undefined,
  { query }: Pick<EngineRequest, 'query'>,
  repository: string,
): string {
  const namespace = query.get('ns');
  if (!pull || namespace === null) return repository;
  const upstreams = pull.mirror.upstreams();
  if (!named(upstreams, namespace))
    throw new RegistryError(404, 'NAME_UNKNOWN', 'No upstream of this registry is called so.');
  return upstreams.length === 1 ? repository : `${namespace}/${repository}`;
}

/** The answer, which says whose repositories it is about where the client asked for those of one registry. */
export function withNamespace(
  pull: Pull | undefined,
  { query }: Pick<EngineRequest, 'query'>,
  answer: Answer,
): Answer {
  const namespace = query.get('ns');
  if (!pull || namespace === null || answer.kind === 'receive' || answer.kind === 'wait') return answer;
  return { ...answer, fields: [...answer.fields, ['OCI-Namespace', namespace]] };
}
