// What sharing buckets over an S3-compatible store costs: requests to a real Ceph and their time, measured,
// and from them what 1 to 100 servers ask of the store, simulated by the rules of shared_names.ts.

import { Ceph } from '../support/ceph.ts';
import { SharingNode } from '../support/sharing.ts';

const repeats = 200;
const bytes = 10_000;

interface Cost {
  requests: number;
  /** Of bodies that come from the store. */
  received: number;
  ms: number;
}

async function measured(): Promise<Record<string, Cost>> {
  const ceph = await Ceph.start();
  const settings = { sharedBuckets: { web: { upstream: 'tier', freshSeconds: 86_400 } } };
  const [one, two] = await Promise.all([
    SharingNode.start(ceph.url(), settings),
    // What it has is never fresh, so that each read asks.
    SharingNode.start(ceph.url(), { sharedBuckets: { web: { upstream: 'tier', freshSeconds: 0 } } }),
  ]);
  const costs: Record<string, Cost> = {};
  const measure = async (what: string, node: SharingNode, act: (index: number) => Promise<unknown>) => {
    const now = async () => ({
      requests: await node.server.metric('sealgate_upstream_fetches_total{upstream="tier"}'),
      received: await node.server.metric('sealgate_upstream_received_bytes_total{upstream="tier"}'),
      ms: performance.now(),
    });
    const before = await now();
    for (let index = 0; index < repeats; index++) await act(index);
    const after = await now();
    const each = (which: keyof Cost) => (after[which] - before[which]) / repeats;
    costs[what] = { requests: each('requests'), received: each('received'), ms: each('ms') };
  };
  const put = (node: SharingNode, index: number, turn: string) =>
    node.put(`/o/web/${index}`, turn.padEnd(bytes - 10) + `${index}`.padStart(10));
  await measure('PUT of a new name', one, (index) => put(one, index, 'first'));
  await measure('GET, fresh', one, (index) => one.get(`/o/web/${index}`));
  await measure('GET of what is not here', two, (index) => two.get(`/o/web/${index}`));
  await measure('GET, not fresh, unchanged', two, (index) => two.get(`/o/web/${index}`));
  await measure('PUT over a name', one, (index) => put(one, index, 'second'));
  await measure('GET, not fresh, changed', two, (index) => two.get(`/o/web/${index}`));
  await Promise.all([one.end(), two.end()]);
  await ceph.end();
  return costs;
}

/** A number from 0 to 1, the same each time: the figures can be had again. */
function numbers(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Load {
  nodes: number;
  /** Of each second, over all servers. */
  reads: number;
  writes: number;
  names: number;
  freshSeconds: number;
  seconds: number;
}

/** Requests to the store, and blobs that it sends, of each second. */
function simulated(load: Load, costs: Record<string, Cost>): { requests: number; blobs: number } {
  const next = numbers();
  // Popularity as of the web: the n-th name is asked for 1/n as often as the first.
  const named = () => Math.floor(Math.exp(next() * Math.log(load.names)));
  const versions = new Map<number, number>();
  const nodes = Array.from(
    { length: load.nodes },
    () => new Map<number, { until: number; version: number }>(),
  );
  const cost = (what: string) => costs[what]?.requests ?? Number.NaN;
  let [requests, blobs] = [0, 0];
  const total = load.reads + load.writes;
  // The first half fills what is here; the second is counted.
  for (let step = 0; step < load.seconds * total; step++) {
    const now = step / total;
    const isCounted = now >= load.seconds / 2;
    const node = nodes[Math.floor(next() * load.nodes)];
    const name = named();
    const version = versions.get(name) ?? 0;
    const known = node?.get(name);
    const until = now + load.freshSeconds;
    let [asked, sent] = [0, 0];
    if (next() < load.writes / total) {
      versions.set(name, version + 1);
      // What this server remembers of another's older record is found out by a refused PUT and a GET.
      asked = cost('PUT over a name') + (known && known.version !== version ? 2 : 0);
      node?.set(name, { until, version: version + 1 });
    } else if (!known || known.until <= now) {
      sent = known?.version === version ? 0 : 1;
      const changed = known ? 'GET, not fresh, changed' : 'GET of what is not here';
      asked = cost(sent ? changed : 'GET, not fresh, unchanged');
      node?.set(name, { until, version });
    }
    if (isCounted) [requests, blobs] = [requests + asked, blobs + sent];
  }
  return { requests: (requests / load.seconds) * 2, blobs: (blobs / load.seconds) * 2 };
}

const costs = await measured();
const say = (...cells: string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
const line = (columns: number) => say(...Array.from({ length: columns }, () => '---'));
say(`request of a client, ${bytes / 1000} KB`, 'requests to the store', 'bytes from it', 'ms');
line(4);
for (const [what, { requests, received, ms }] of Object.entries(costs))
  say(what, requests.toFixed(2), `${Math.round(received)}`, ms.toFixed(1));
process.stdout.write('\n');
say('servers', 'fresh for', 'requests to the store a second', 'of them blobs', 'requests for 1000 reads');
line(5);
for (const freshSeconds of [1, 5, 60])
  for (const nodes of [1, 3, 10, 30, 100]) {
    const load = { nodes, reads: 2000, writes: 5, names: 20_000, freshSeconds, seconds: 600 };
    const { requests, blobs } = simulated(load, costs);
    const share = (requests / load.reads) * 1000;
    say(`${nodes}`, `${freshSeconds} s`, requests.toFixed(0), blobs.toFixed(1), share.toFixed(0));
  }
