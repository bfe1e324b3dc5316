// Lists of upstreams, which are passed on a page at a time and not kept.

import { rm } from 'node:fs/promises';
import { SealgateError } from '../../../errors.ts';
import { addon } from '../../../native/addon.ts';
import type { UpstreamHead } from '../../../upstream/fetching.ts';
import { failure, isDenied, unusable } from '../../mirror/offered.ts';
import type { Pulled } from './pull.ts';

const largestList = 4 * 1024 * 1024;
/** Characters of the parameters of the next page. */
const longestQuery = 2048;

export interface List<Entry> {
  entries: Entry[];
  /** The parameters of the next page; absent: there is none. */
  next?: Record<string, string>;
  /** Fields that the upstream said. */
  fields: UpstreamHead['fields'];
}

interface AskedList {
  /** What follows the repository. */
  path: string;
  query: URLSearchParams;
  accept: string;
}

/** Those that are asked for just now: one request for all who wait. */
const underWay = new WeakMap<object, Map<string, Promise<List<unknown> | undefined>>>();

/** Tags of an upstream's repository. Undefined: no upstream has it. */
export function pulledTags(pulled: Pulled, query: URLSearchParams): Promise<List<string> | undefined> {
  const wanted = pick(query, ['n', 'last']);
  return once(pulled, { path: 'tags/list', query: wanted, accept: 'application/json' }, (file) =>
    pulled.mirror.shared.documents.read('tagsIn', { file }),
  );
}

/** Descriptors of what refers to a manifest. Undefined: no upstream tells. */
export function pulledReferrers(
  pulled: Pulled,
  digest: string,
  query: URLSearchParams,
): Promise<List<object> | undefined> {
  const wanted = new URLSearchParams([...query].filter(([name]) => name !== 'ns'));
  if (wanted.toString().length > longestQuery) throw new SealgateError('target-invalid');
  const accept = 'application/vnd.oci.image.index.v1+json';
  return once(pulled, { path: `referrers/${digest}`, query: wanted, accept }, (file) =>
    pulled.mirror.shared.documents.read('referrersIn', { file }),
  );
}

function pick(query: URLSearchParams, names: readonly string[]): URLSearchParams {
  return new URLSearchParams([...query].filter(([name]) => names.includes(name)));
}

function once<Entry>(
  pulled: Pulled,
  list: AskedList,
  read: (file: string) => Promise<Entry[] | undefined>,
): Promise<List<Entry> | undefined> {
  const { mirror, repository } = pulled;
  const all = underWay.get(mirror.shared) ?? new Map();
  underWay.set(mirror.shared, all);
  const names = mirror.upstreams().map(({ name }) => name);
  const key = `${names.join(' ')} ${repository}/${list.path}?${list.query}`;
  const known = all.get(key);
  if (known) return known;
  const asking = inOrder(pulled, list, read).finally(() => all.delete(key));
  all.set(key, asking);
  return asking;
}

async function inOrder<Entry>(
  { mirror, repository }: Pulled,
  { path, query, accept }: AskedList,
  read: (file: string) => Promise<Entry[] | undefined>,
): Promise<List<Entry> | undefined> {
  const { objects } = mirror.services;
  const asked = `${repository}/${path}${query.size > 0 ? `?${query}` : ''}`;
  for (const upstream of mirror.upstreams()) {
    const { staging } = objects.receive(largestList, async () => {});
    try {
      const fetched = await upstream.fetch({
        ...{ path: asked, accept, repository, maxBytes: largestList, provable: false },
        take: ({ size }) => ({ staging, digests: [], growing: addon.growingFile(size).share() }),
        signal: mirror.shared.signal,
      });
      if (fetched.kind === 'absent' || isDenied(fetched, upstream.name, undefined)) continue;
      if (fetched.kind === 'failed') throw failure(fetched);
      const entries = await read(staging);
      if (!entries) throw unusable('The upstream sent a list that is none.');
      const { fields } = fetched.head;
      const next = nextIn(fields.link ?? '');
      return { entries, fields, ...(next && { next }) };
    } finally {
      await rm(staging, { force: true });
    }
  }
  return undefined;
}

/** What a Link field says of the next page: its parameters alone, as the page is asked for here. */
function nextIn(link: string): Record<string, string> | undefined {
  const [, query] = /^<[^>?]*\?([^>]*)>/.exec(link.slice(0, longestQuery)) ?? [];
  if (query === undefined || !/rel="?next"?/.test(link)) return undefined;
  return Object.fromEntries(new URLSearchParams(query));
}
