// The kind "npm": a registry of packages for npm and its like. Packuments and tarballs are those of the
// upstreams, verified and kept; names that match `local` are this server's own, and can be published to.

import type { EngineRequest } from '../../../engine/engine_request.ts';
import { type Answer, problem, problemFrom, respondJson } from '../../../engine/plan.ts';
import { type ErrorCode, errors } from '../../../errors.ts';
import type { RespondPlan } from '../../../native/addon.ts';
import { isPackageName, packumentPath, type Target, targetOf } from '../../../upstream/npm/names.ts';
import { maxPackumentBytes } from '../../../upstream/npm/packument.ts';
import type { KeptAsOf } from '../kept_as.ts';
import type { Kind } from '../kinds.ts';
import type { Mirror } from '../mirror.ts';
import { freshFor, lasting } from '../named.ts';
import { readByRule } from '../read_object.ts';
import { Packages } from './packages.ts';
import { auditPaths, Passing } from './passing.ts';
import { Publishing } from './publishing.ts';
import { type Reader, Registry } from './reading.ts';

/** Keys and attestations. */
const ofAnHour = freshFor(3600);

export const npm: Kind = (mirror, resources) => {
  const { publicUrl: base } = mirror;
  if (base === undefined) throw new Error('a registry has a public URL');
  const packages = new Packages(mirror, base);
  const [registry, publishing] = [new Registry(packages), new Publishing(packages)];
  const passing = new Passing(mirror);
  const of = (request: EngineRequest) => targetOf(request.path.slice(mirror.path.length));
  const reader = (request: EngineRequest): Reader => ({
    request,
    grant: mirror.services.authorize(request, 'read', mirror.bucket),
  });
  const told = (route: (request: EngineRequest) => Answer | Promise<Answer>) => answering(mirror, route);
  return resources.at('/:name{.*}', {
    GET: told((request) => {
      const target = of(request);
      if (target.kind === 'service' && target.path === 'v1/search') return passing.search(request);
      return read(packages, registry, reader(request), target);
    }),
    PUT: told((request) => {
      const target = of(request);
      if (target.kind === 'packument') return publishing.document(request, target.name);
      if (target.kind === 'tags' && target.tag !== undefined)
        return publishing.tag(request, target.name, target.tag);
      return unpublishing(target);
    }),
    DELETE: told((request) => {
      const target = of(request);
      if (target.kind === 'tags' && target.tag !== undefined)
        return publishing.untag(request, target.name, target.tag);
      return unpublishing(target);
    }),
    POST: told((request) => {
      const target = of(request);
      if (target.kind !== 'service' || !auditPaths.includes(target.path))
        return problem('method-not-allowed');
      return passing.audit(request, target.path, (error) => refusal(mirror, request, error));
    }),
  });
};

export const keptInNpm: KeptAsOf = (_, name) => {
  if (name.startsWith('-/')) return { rule: ofAnHour };
  if (name.includes('/-/')) return { rule: lasting, proof: 'its packument told its digest' };
  return { source: { path: packumentPath(name), maxBytes: maxPackumentBytes } };
};

function read(
  packages: Packages,
  registry: Registry,
  reader: Reader,
  target: Target,
): Answer | Promise<Answer> {
  switch (target.kind) {
    case 'packument':
      return registry.packument(reader, target.name);
    case 'tarball':
      return registry.tarball(reader, target.name, target.file);
    case 'tags':
      return target.tag === undefined ? registry.tags(reader, target.name) : problem('not-found');
    case 'service':
      return readService(packages, reader, target.path);
    case 'root':
      return respondJson(200, {});
    case 'revision':
      return problem('not-found');
  }
}

// A version that was published once may be in lock files: its bytes are those of its name for ever.
function unpublishing(target: Target): Answer {
  if (target.kind !== 'revision') return problem('method-not-allowed');
  const why = 'versions are written once and cannot be unpublished; "npm deprecate" tells who installs them';
  return respondJson(405, { error: why });
}

// Keys and attestations are documents of the upstream; a search is none that could be kept.
function readService(packages: Packages, reader: Reader, path: string): Answer | Promise<Answer> {
  if (path === 'ping') return respondJson(200, {});
  if (path === 'whoami') return whoami(packages.mirror, reader.request);
  const [, name = ''] = /^npm\/v1\/attestations\/((?:@[^/]+\/)?[^/@]+)@[^/]+$/.exec(path) ?? [];
  const isOfPackage = isPackageName(name) && !packages.isLocal(name);
  if (!isOfPackage && path !== 'npm/v1/keys') return problem('not-found');
  return readByRule(packages.mirror, { ...reader, name: `-/${path}` }, ofAnHour);
}

// Tokens have no names of users.
function whoami({ services, bucket }: Mirror, request: EngineRequest): Answer {
  (services.withTokens?.authorize ?? services.authorize)(request, 'read', bucket);
  return respondJson(200, { username: request.subject || 'token' }, [['Cache-Control', 'no-store']]);
}

function answering(mirror: Mirror, route: (request: EngineRequest) => Answer | Promise<Answer>) {
  return async (request: EngineRequest): Promise<Answer> => {
    try {
      return forNpm(await route(request));
    } catch (error) {
      return refusal(mirror, request, error);
    }
  };
}

function refusal({ services }: Mirror, request: EngineRequest, error: unknown): RespondPlan {
  return forNpm(problemFrom(error, services.log, `${request.method} ${request.path}`));
}

// npm shows the member `error`. It tries 503 again, and takes 404 for the last word.
function forNpm<Given extends Answer>(answer: Given): Given {
  if (!('problem' in answer) || answer.kind !== 'respond') return answer;
  const code = answer.problem as ErrorCode;
  const { status } = answer as RespondPlan;
  const isAway = code === 'upstream-failed';
  const { detail = errors[code].detail } = JSON.parse(`${answer.body}`) as { detail?: string };
  return {
    ...answer,
    status: isAway ? 503 : status,
    fields: answer.fields.map((field) =>
      field[0] === 'Content-Type' ? ['Content-Type', 'application/json'] : field,
    ),
    body: `${JSON.stringify({ error: status === 404 ? 'Not found' : detail })}\n`,
  };
}
