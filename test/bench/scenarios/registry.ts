// Registry: pulls of an image of 20 layers, manifests, and pulls by skopeo, from Sealgate and from Debian's
// docker-registry in turns. Rounds in which a server waited for its client count as well: who is faster waits
// more, and a wake-up for each request is dearer, so that is to our disadvantage.

import type { Context } from '../context.ts';
import { LoadClient } from '../load.ts';
import { type Contender, costRow, interleave, perGiB, perRequest } from '../measure.ts';
import { eager, runPinned } from '../processes.ts';
import {
  accepted,
  layers,
  pull,
  type Registries,
  type Registry,
  repository,
  withRegistries,
} from '../registries.ts';
import type { Row } from '../results.ts';
import { clientCore, GiB, KiB, MiB } from '../site.ts';
import type { Scenario } from './scenario.ts';

/** GETs of some paths by a client of its own, by the name of the row. */
interface Asked {
  row: string;
  registry: Registry;
  paths: string[];
  field?: string;
}

const shared = { usual: true, sizes: [] };

export const registry: Scenario[] = [
  {
    ...shared,
    name: 'registry layers',
    about: `GETs of ${layers} layers of 16 MiB on 8 connections, TLS 1.3, and whole pulls by skopeo`,
    run: (context) =>
      withRegistries(context, { name: 'registry layers', layerBytes: 16 * MiB }, (all) =>
        pullLayers(context, all),
      ),
  },
  {
    ...shared,
    name: 'registry manifests',
    about: `GETs of the manifest of ${layers} layers on 64 keep-alive connections, TLS 1.3`,
    run: (context) =>
      withRegistries(context, { name: 'registry manifests', layerBytes: KiB }, (all) =>
        getManifests(context, all),
      ),
  },
  {
    ...shared,
    name: 'registry connections',
    about: `4 clients GET the manifest of ${layers} layers by its tag, on a TLS 1.3 connection each time`,
    run: (context) =>
      withRegistries(context, { name: 'registry connections', layerBytes: KiB }, (all) =>
        connect(context, all),
      ),
  },
];

async function pullLayers(context: Context, all: Registries): Promise<Row[]> {
  const name = 'registry layers';
  const { sealgate, peer, image } = all;
  const at = (place: string) => image.layers.map((digest) => `/${place}/blobs/${digest}`);
  const asked: Asked[] = [
    { row: 'sealgate', registry: sealgate, paths: at(repository) },
    {
      row: 'sealgate, by token',
      registry: sealgate,
      paths: at(`closed/${repository}`),
      field: bearer(sealgate),
    },
    { row: 'docker-registry', registry: peer, paths: at(repository) },
  ];
  const whole = [sealgate, peer].map((each) => ({
    name: `${each.name}, skopeo`,
    pid: each.pid,
    run: async () => {
      await pull(all.site, each);
      return { requests: image.bytes / GiB, bytes: image.bytes };
    },
  }));
  return measure(context, { name, unit: perGiB, whole }, asked, 8, async (client) => {
    const work = await client.run({ requests: 2 * layers });
    return { ...work, requests: work.bytes / GiB };
  });
}

function getManifests(context: Context, { sealgate, peer, image }: Registries): Promise<Row[]> {
  const name = 'registry manifests';
  const [tag, digest] = [['manifests/v1'], [`manifests/${image.manifest}`]];
  const open = (each: string[]) => each.map((path) => `/${repository}/${path}`);
  const asked: Asked[] = [
    { row: 'sealgate, tag', registry: sealgate, paths: open(tag), field: accepted },
    { row: 'sealgate, digest', registry: sealgate, paths: open(digest), field: accepted },
    {
      row: 'sealgate, tag, by token',
      registry: sealgate,
      paths: tag.map((path) => `/closed/${repository}/${path}`),
      field: bearer(sealgate),
    },
    { row: 'docker-registry, tag', registry: peer, paths: open(tag), field: accepted },
    { row: 'docker-registry, digest', registry: peer, paths: open(digest), field: accepted },
  ];
  const { seconds } = context.settings;
  return measure(context, { name, unit: perRequest }, asked, 64, (client) => client.run({ seconds }));
}

const bearer = ({ token }: Registry) => `Authorization: Bearer ${token}`;

async function measure(
  context: Context,
  { name, unit, whole = [] }: { name: string; unit: typeof perGiB; whole?: Contender[] },
  asked: Asked[],
  connections: number,
  run: (client: LoadClient) => ReturnType<Contender['run']>,
): Promise<Row[]> {
  const clients: LoadClient[] = [];
  try {
    const contenders: Contender[] = [];
    for (const {
      row,
      registry: { pid, address },
      paths,
      field,
    } of asked) {
      const { port } = address('', 'tls');
      const options = { connections, ...(field !== undefined && { field }) };
      const client = await LoadClient.start({ port, path: paths.join(' ') }, 'tls', options);
      clients.push(client);
      contenders.push({ name: row, pid, run: () => run(client) });
    }
    return await rowsOf(context, name, [...contenders, ...whole], unit);
  } finally {
    for (const client of clients) await client.close();
  }
}

async function rowsOf(
  context: Context,
  name: string,
  contenders: Contender[],
  unit: typeof perGiB,
): Promise<Row[]> {
  const { rounds } = context.settings;
  const say = (round: number) => context.say(`${name}: round ${round} of ${rounds}`);
  const measured = await interleave(contenders, rounds, say);
  return measured.map((each) => costRow(name, each, { saturated: false, unit }));
}

function connect(context: Context, { sealgate, peer }: Registries): Promise<Row[]> {
  const contenders = [sealgate, peer].flatMap((each) =>
    (['full', 'resumed'] as const).map((kind) => ({
      name: `${each.name}, ${kind}`,
      pid: each.pid,
      run: () => handshakes(context, each, kind),
    })),
  );
  return rowsOf(context, 'registry connections', contenders, perRequest);
}

async function handshakes(
  { settings }: Context,
  { address }: Registry,
  kind: string,
): Promise<{ requests: number }> {
  const { port, path } = address(`${repository}/manifests/v1`, 'tls');
  const words = [`${port}`, path, kind, `${settings.seconds}`, accepted];
  const command = [...eager, 'build/bench/handshakes', ...words];
  const outputs = await Promise.all(Array.from({ length: 4 }, () => runPinned(clientCore, command)));
  return { requests: outputs.reduce((sum, output) => sum + JSON.parse(output).requests, 0) };
}
