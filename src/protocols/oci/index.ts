// The protocol "oci": a bucket as a registry of container images, by the OCI distribution specification 1.1.
// Names of repositories have slashes, so paths are told apart by what they end with.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Answer, respond } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { Protocol } from '../../sites/mount.ts';
import { decodedPath } from '../../sites/paths.ts';
import { readBlob, readManifest } from './content.ts';
import { RegistryError, type UnknownCode, withRefusals } from './errors.ts';
import { listReferrers, listRepositories, listTags } from './listing.ts';
import { base, challengeOf, giveToken, scopeOf, tokenChallenge } from './login.ts';
import { checkRepository, isTag, parsedDigest } from './names.ts';
import { namespaceIn, repositoryAsked, withNamespace } from './pull/pull.ts';
import { putManifest } from './put_manifest.ts';
import { type Registry, type RegistryRoute, registryOf, targetOf } from './registry.ts';
import { deleteBlob, deleteManifest } from './remove.ts';
import { BlobUploads } from './uploads.ts';

export const oci: Protocol = {
  // Which registry the client thinks that it asks.
  parameters: ['ns'],
  named: (mount, path) => {
    const { pattern, captures } = matched(mount.path, path, patterns);
    const [, repository = '', reference = ''] = captures ?? [];
    const prefix = mount.site?.prefix ?? '';
    const { names } = targetOf({ prefix } as Registry, repository, reference);
    const digest = parsedDigest(reference);
    const { bucket = '' } = mount;
    if (pattern === blobPath && digest) return { bucket, name: names.blob(digest) };
    if (pattern !== manifestPath) return undefined;
    if (digest) return { bucket, name: names.manifest(digest) };
    return isTag(reference) ? { bucket, name: names.tag(reference) } : undefined;
  },
  serve: (services, mount) => {
    const registry = registryOf(services, mount);
    const resources = resourcesOf(registry);
    return (request) => answer(registry, resources, request);
  },
};

const basePath = /^$/;
const tokenPath = /^token$/;
const cataloguePath = /^_catalog$/;
const beginPath = /^(.+)\/blobs\/uploads\/?$/;
const uploadPath = /^(.+)\/blobs\/uploads\/([^/]+)$/;
const blobPath = /^(.+)\/blobs\/([^/]+)$/;
const manifestPath = /^(.+)\/manifests\/([^/]+)$/;
const tagsPath = /^(.+)\/tags\/list$/;
const referrersPath = /^(.+)\/referrers\/([^/]+)$/;
const patterns = [
  ...[basePath, tokenPath, cataloguePath, beginPath, uploadPath],
  ...[blobPath, manifestPath, tagsPath, referrersPath],
];

interface Resource {
  routes: Partial<Record<string, RegistryRoute>>;
  /** What is not there is called so. */
  unknown: UnknownCode;
}

function resourcesOf(registry: Registry): Map<RegExp, Resource> {
  const { begin, state, append, finish, cancel } = new BlobUploads(registry);
  const name = 'NAME_UNKNOWN';
  return new Map<RegExp, Resource>([
    [basePath, { routes: { GET: base(registry) }, unknown: name }],
    [tokenPath, { routes: { GET: giveToken(registry) }, unknown: name }],
    [cataloguePath, { routes: { GET: listRepositories(registry) }, unknown: name }],
    [beginPath, { routes: { POST: begin }, unknown: name }],
    [
      uploadPath,
      {
        routes: { GET: state, PATCH: append, PUT: finish, DELETE: cancel },
        unknown: 'BLOB_UPLOAD_UNKNOWN',
      },
    ],
    [
      blobPath,
      { routes: { GET: readBlob(registry), DELETE: deleteBlob(registry) }, unknown: 'BLOB_UNKNOWN' },
    ],
    [
      manifestPath,
      {
        routes: {
          GET: readManifest(registry),
          PUT: putManifest(registry),
          DELETE: deleteManifest(registry),
        },
        unknown: 'MANIFEST_UNKNOWN',
      },
    ],
    [tagsPath, { routes: { GET: listTags(registry) }, unknown: name }],
    [referrersPath, { routes: { GET: listReferrers(registry) }, unknown: 'MANIFEST_UNKNOWN' }],
  ]);
}

interface Matched {
  pattern: RegExp | undefined;
  captures: RegExpExecArray | undefined;
}

/** An encoded slash is none: digests are encoded by some clients, and names never. */
function matched(own: string, path: string, all: readonly RegExp[]): Matched {
  const sent = path.slice(own.length);
  const below = /%2f/i.test(sent) ? undefined : decodedPath(sent);
  for (const pattern of all) {
    const captures = below === undefined ? null : pattern.exec(below);
    if (captures) return { pattern, captures };
  }
  return { pattern: undefined, captures: undefined };
}

function answer(
  registry: Registry,
  resources: Map<RegExp, Resource>,
  request: EngineRequest,
): Promise<Answer> {
  const { pattern, captures } = matched(registry.path, request.path, patterns);
  const [, repository = '', reference = ''] = captures ?? [];
  const { method } = request;
  const resource = pattern && resources.get(pattern);
  return withRefusals(
    async () => {
      if (!resource) throw new RegistryError(404, 'NAME_UNKNOWN', 'A registry has no such path.');
      if (repository !== '') checkRepository(repository);
      const { routes } = resource;
      const route = routes[method === 'HEAD' ? 'GET' : method];
      const { pull } = registry;
      const namespace = namespaceIn(request);
      if (route && repository === '') return await route(request, targetOf(registry, '', reference));
      if (route) {
        const asked = repositoryAsked(pull, namespace, repository);
        return withNamespace(pull, namespace, await route(request, targetOf(registry, asked, reference)));
      }
      const allow = Object.keys(routes).join(', ').replace('GET', 'GET, HEAD');
      if (method === 'OPTIONS') return respond(204, [['Allow', `${allow}, OPTIONS`]]);
      throw new SealgateError('method-not-allowed');
    },
    {
      unknown: resource?.unknown ?? 'NAME_UNKNOWN',
      challenge: () =>
        pattern === tokenPath ? tokenChallenge : challengeOf(registry, scopeOf(repository, method)),
      log: registry.services.log,
      request: request.path,
    },
  );
}
