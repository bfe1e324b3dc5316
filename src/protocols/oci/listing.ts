// Lists: the tags of a repository, the manifests that refer to one, and the repositories.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { respond, respondJson } from '../../engine/plan.ts';
import type { RespondPlan, ResponseField } from '../../native/addon.ts';
import { covers } from '../../scopes.ts';
import type { Listing } from '../../store/store.ts';
import { RegistryError } from './errors.ts';
import { checkRepository, digestIn, isTag } from './names.ts';
import { pulledReferrers, pulledTags } from './pull/lists.ts';
import { type Pulled, pulledFrom } from './pull/pull.ts';
import { type Referrer, referrerIn } from './referrer_notes.ts';
import { authorized, nextPage, type Registry, type RegistryRoute } from './registry.ts';

/** Entries of one page. */
const largestPage = 1000;
/** Repositories of one page: each is looked for by itself. */
const largestCatalogue = 100;
/** Bytes of descriptors in one page of referrers: clients take 4 MiB. */
const mostBytes = 2 * 1024 * 1024;
/** Greater than all that follows the underscore in the names of a repository. */
const behindAll = '\u{10ffff}';

const indexType = 'application/vnd.oci.image.index.v1+json';
const noStore: ResponseField = ['Cache-Control', 'no-cache'];

type Entry = Listing['entries'][number];

/** All that begins with a prefix and stands behind a name. */
export async function* allNames(
  { services, bucket }: Registry,
  prefix: string,
  behind = '',
): AsyncGenerator<Entry> {
  for (let after: string | undefined = behind; after !== undefined; ) {
    const page: Listing = await services.objects.list(bucket, { prefix, after, limit: largestPage });
    yield* page.entries;
    after = page.next;
  }
}

export function listTags(registry: Registry): RegistryRoute {
  return async (request, { repository, names }) => {
    authorized(registry, request, 'pull', repository);
    const { query } = request;
    const n = pageSize(query, largestPage);
    const last = query.get('last') ?? '';
    if (last !== '' && !isTag(last)) throw new RegistryError(400, 'NAME_INVALID', 'last: it is no tag.');
    const others = await tagsOfOthers(registry, request, repository);
    if (others && 'list' in others) return others.list;
    const behind = last === '' ? '' : names.tag(last);
    const tags: string[] = [];
    let isMore = false;
    for await (const { name } of allNames(registry, names.tags, behind)) {
      isMore = tags.length === n;
      if (isMore) break;
      tags.push(name.slice(names.tags.length));
    }
    if (tags.length === 0 && others) throw others.outage;
    if (tags.length === 0 && !isMore && !(await hasAny(registry, names.all)))
      throw new RegistryError(404, 'NAME_UNKNOWN', 'There is no such repository.');
    const end = tags.at(-1);
    const following = isMore && end !== undefined;
    const link = following ? [nextPage(registry, `${repository}/tags/list`, { n: `${n}`, last: end })] : [];
    return respondJson(200, { name: repository, tags }, [noStore, ...link]);
  };
}

/** Undefined: no upstream has the repository. While none answers, what is kept is told. */
async function tagsOfOthers(
  registry: Registry,
  { query }: EngineRequest,
  repository: string,
): Promise<{ list: RespondPlan } | { outage: unknown } | undefined> {
  const pulled = pulledFrom(registry.pull, repository);
  if (!pulled) return undefined;
  try {
    const list = await pulledTags(pulled, query);
    if (!list) return undefined;
    const link = list.next ? [nextPage(registry, `${repository}/tags/list`, list.next)] : [];
    return { list: respondJson(200, { name: repository, tags: list.entries }, [noStore, ...link]) };
  } catch (outage) {
    return { outage };
  }
}

async function hasAny(registry: Registry, prefix: string): Promise<boolean> {
  for await (const _ of allNames(registry, prefix)) return true;
  return false;
}

export function listRepositories(registry: Registry): RegistryRoute {
  return async (request) => {
    const may = reachOf(registry, request);
    const n = pageSize(request.query, largestCatalogue);
    const last = request.query.get('last') ?? '';
    if (last !== '') checkRepository(last);
    const repositories: string[] = [];
    let isMore = false;
    for await (const name of repositoriesOf(registry, last, may)) {
      isMore = repositories.length === n;
      if (isMore) break;
      repositories.push(name);
    }
    const end = repositories.at(-1);
    const following = isMore && end !== undefined;
    const link = following ? [nextPage(registry, '_catalog', { n: `${n}`, last: end })] : [];
    return respondJson(200, { repositories }, [noStore, ...link]);
  };
}

/** Undefined: all of them. */
function reachOf({ services, bucket }: Registry, request: EngineRequest): readonly string[] | undefined {
  if (services.reach) return services.reach(request, bucket);
  services.authorize(request, 'read', bucket);
  return undefined;
}

/**
 * In the order of their names in the bucket. What others have is passed over in one step, however much it is.
 * @param may patterns of those that are told; absent: all are.
 */
export async function* repositoriesOf(
  { services, prefix, bucket }: Pick<Registry, 'services' | 'prefix' | 'bucket'>,
  last = '',
  may?: readonly string[],
): AsyncGenerator<string> {
  const begins = may?.map((each) => (each.endsWith('*') ? each.slice(0, -1) : `${each}/_`)).sort();
  for (let after: string | undefined = last && `${prefix}${last}/_${behindAll}`; after !== undefined; ) {
    const page: Listing = await services.objects.list(bucket, { prefix, after, limit: 1 });
    const name = page.entries[0]?.name ?? '';
    const repository = /^(.+?)\/_/.exec(name.slice(prefix.length))?.[1];
    const isTold =
      repository !== undefined && (may?.some((each) => covers(each, prefix + repository)) ?? true);
    if (isTold) yield repository;
    const following = repository === undefined ? page.next : `${prefix}${repository}/_${behindAll}`;
    if (page.next === undefined || isTold || repository === undefined || !begins)
      after = page.next && following;
    else after = begins.find((begin) => begin > name);
  }
}

/** Who asks for the referrers of what is not there gets an empty list. */
export function listReferrers(registry: Registry): RegistryRoute {
  return async (request, { repository, names, reference }) => {
    authorized(registry, request, 'pull', repository);
    const prefix = names.referrers(digestIn(reference));
    const { query } = request;
    const pulled = pulledFrom(registry.pull, repository);
    if (pulled) return referrersOfOthers(registry, pulled, query, `${repository}/referrers/${reference}`);
    const wanted = query.get('artifactType') ?? '';
    const last = query.get('last') ?? '';
    if (last !== '' && !/^[0-9a-f]{64}$/.test(last))
      throw new RegistryError(400, 'DIGEST_INVALID', 'last: it is no SHA-256.');
    const page = new ReferrerPage();
    for await (const { name, fields } of allNames(registry, prefix, last === '' ? '' : prefix + last)) {
      const referrer = referrerIn(fields);
      if (!referrer || (wanted !== '' && referrer.artifactType !== wanted)) continue;
      if (!page.takes(referrer, name.slice(prefix.length))) break;
    }
    const filter = wanted === '' ? {} : { artifactType: wanted };
    const below = `${repository}/referrers/${reference}`;
    const link = page.isFull ? [nextPage(registry, below, { ...filter, last: page.last })] : [];
    const applied: ResponseField[] = wanted === '' ? [] : [['OCI-Filters-Applied', 'artifactType']];
    return imageIndex(page.manifests, [noStore, ...applied, ...link]);
  };
}

/** What is not told is 404: clients then look under a tag (`sha256-HEX`), which is pulled through, too. */
async function referrersOfOthers(
  registry: Registry,
  pulled: Pulled,
  query: URLSearchParams,
  below: string,
): Promise<RespondPlan> {
  const list = await pulledReferrers(pulled, below.slice(below.lastIndexOf('/') + 1), query);
  if (!list) throw new RegistryError(404, 'MANIFEST_UNKNOWN', 'No upstream tells what refers to it.');
  const applied = list.fields['oci-filters-applied'] === 'artifactType';
  const filters: ResponseField[] = applied ? [['OCI-Filters-Applied', 'artifactType']] : [];
  const link = list.next ? [nextPage(registry, below, list.next)] : [];
  return imageIndex(list.entries, [noStore, ...filters, ...link]);
}

class ReferrerPage {
  readonly manifests: Referrer[] = [];
  last = '';
  isFull = false;
  #bytes = 0;

  /** False: the page is full. */
  takes(referrer: Referrer, hex: string): boolean {
    this.#bytes += JSON.stringify(referrer).length;
    this.isFull = this.manifests.length > 0 && this.#bytes > mostBytes;
    if (this.isFull) return false;
    this.manifests.push(referrer);
    this.last = hex;
    return true;
  }
}

function imageIndex(manifests: readonly object[], fields: readonly ResponseField[]): RespondPlan {
  const index = { schemaVersion: 2, mediaType: indexType, manifests };
  return respond(200, [['Content-Type', indexType], ...fields], JSON.stringify(index));
}

/** Throws UNSUPPORTED. */
function pageSize(query: URLSearchParams, most: number): number {
  const said = query.get('n');
  if (said === null) return most;
  if (!/^\d{1,9}$/.test(said)) throw new RegistryError(400, 'UNSUPPORTED', 'n: expected a whole number.');
  return Math.min(Number(said), most);
}
