// Three servers over one Ceph with two gateways, and many writers, while servers and gateways are killed and
// the OSD is frozen, so that requests hang: what was acknowledged is there in the end, at every server.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Ceph } from '../../support/ceph.ts';
import { SharingNode, sha256 } from '../../support/sharing.ts';
import { until } from '../../support/wait.ts';

/** Rounds of all faults: the long form has more. */
const rounds = Number(process.env.SEALGATE_SHARING_ROUNDS ?? 1);
const writers = 6;

const ceph = await Ceph.start(2);
const nodes = await Promise.all([0, 1, 0].map((gateway) => SharingNode.start(ceph.url(gateway))));
after(async () => {
  await Promise.all(nodes.map((node) => node.end()));
  await ceph.end();
});
const [first, second, third] = nodes as [SharingNode, SharingNode, SharingNode];

/** What became of the writes of a name, by one writer that writes one after another. */
interface Written {
  path: string;
  /** The newest that was acknowledged. */
  acknowledged: number;
  /** The newest that was begun. */
  begun: number;
}

/** Write-once names that were acknowledged, with their digests. */
const once = new Map<string, string>();
const statuses = new Map<number, number>();
let isOver = false;

function count(status: number): void {
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
}

/** Overwrites one name, and stores write-once names, at a node after another. */
async function write(index: number): Promise<Written> {
  const written = { path: `/o/web/writer${index}`, acknowledged: 0, begun: 0 };
  for (let turn = index; !isOver; turn++) {
    const node = nodes[turn % nodes.length] as SharingNode;
    const number = ++written.begun;
    const path = `/o/once/${index}/${number}`;
    // What breaks was not acknowledged: 0.
    const put = async (to: string, body: string) =>
      (await node.put(to, body).catch(() => ({ status: 0 }))).status;
    const status = await put(written.path, `${number}`);
    count(status);
    if (status === 200 || status === 201) written.acknowledged = number;
    else await wait(50);
    if ((await put(path, `once ${path}`)) === 201) once.set(path, sha256(`once ${path}`));
  }
  return written;
}

async function faults(): Promise<void> {
  await wait(1500);
  await first.server.stop('SIGKILL');
  await wait(500);
  await first.restart();
  await wait(500);
  await ceph.stopGateway(1);
  await wait(1000);
  await ceph.startGateway(1);
  await wait(500);
  ceph.freeze();
  await wait(4500);
  ceph.thaw();
  await wait(1000);
  await ceph.stopGateway(0);
  await second.server.stop('SIGKILL');
  await ceph.startGateway(0);
  await second.restart();
  await wait(1500);
}

const written: Written[] = [];
test('writers go on while servers and gateways are killed and the OSD hangs', async () => {
  const writing = Promise.all(Array.from({ length: writers }, (_, index) => write(index)));
  for (let round = 0; round < rounds; round++) await faults();
  isOver = true;
  written.push(...(await writing));
  const done = (statuses.get(200) ?? 0) + (statuses.get(201) ?? 0);
  assert.ok(done > 30 && once.size > 30, `${done} and ${once.size} writes went well`);
  const others = [...statuses.keys()].filter((status) => ![200, 201, 503, 0].includes(status));
  assert.deepEqual(others, []);
});

test('every server has of each overwritten name what was acknowledged last, or what came later', async () => {
  for (const { path, acknowledged, begun } of written) {
    const all = await Promise.all(
      nodes.map((node) =>
        until(
          () => node.get(path),
          (got) => Number(got) >= acknowledged && Number(got) <= begun && got.length < 20,
          `${path} is ${acknowledged} or later`,
        ),
      ),
    );
    await until(
      () => Promise.all(nodes.map((node) => node.get(path))),
      (got) => new Set(got).size === 1,
      `${path} is the same everywhere after ${all}`,
    );
  }
});

test('every write-once name that was acknowledged has its bytes, at another server as well', async () => {
  const left = [...once];
  const check = async () => {
    for (let next = left.pop(); next; next = left.pop()) {
      const [path, digest] = next;
      assert.equal(sha256(await third.get(path)), digest, path);
    }
  };
  await Promise.all(Array.from({ length: 8 }, check));
});
