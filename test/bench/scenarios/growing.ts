// Growing: an upload that is read while it arrives: how soon a waiting reader has a piece, and what each
// reader costs beside one who reads the same bytes when they are stored.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { costRow, interleave, perGiB } from '../measure.ts';
import { type Row, rowOfValues } from '../results.ts';
import { GiB, KiB } from '../site.ts';
import { open, type Run, take, withServer } from './readers.ts';
import type { Scenario } from './scenario.ts';

const about = { sites: [{ protocol: 'objects', readWhileWriting: ['/o/files/**'] }] };
const readers = 2000;
const pieces = 200;
/** As large as a segment of video. */
const segment = randomBytes(512 * KiB);
/**
 * Sizes in KiB, down to a chunk of low-latency video; and milliseconds between two pieces: each of the
 * readers has had one before the next comes.
 */
const piecesOf = [
  { size: 64, apart: 250 },
  { size: 16, apart: 150 },
  { size: 4, apart: 100 },
];
const mostRounds = 3;

type Pieces = (typeof piecesOf)[number];

export const growing: Scenario[] = (['plain', 'tls'] as const).flatMap((protocol): Scenario[] => [
  {
    name: `growing first byte ${protocol}`,
    about: `a piece of 1 KiB of an upload, from its write to a reader that waits; 99 of 100 were faster`,
    usual: protocol === 'tls',
    sizes: [],
    run: (context) => withServer(context, `growing first byte ${protocol}`, protocol, about, latencies),
  },
  {
    name: `growing readers ${protocol}`,
    about: `${readers} readers of a segment of 512 KiB while it is uploaded, or afterwards`,
    usual: protocol === 'tls',
    sizes: [],
    run: (context) => withServer(context, `growing readers ${protocol}`, protocol, about, costs),
  },
]);

async function beginUpload(run: Run, name: string): Promise<Socket> {
  const { socket, path } = await open(run, name);
  const fields = ['Host: localhost', `Authorization: Bearer ${run.token}`, 'Transfer-Encoding: chunked'];
  socket.write(`${[`PUT ${path} HTTP/1.1`, ...fields].join('\r\n')}\r\n\r\n`);
  return socket;
}

function chunk(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

async function latencies(run: Run): Promise<Row[]> {
  const writer = await beginUpload(run, 'latency');
  writer.write(chunk(Buffer.from('first')));
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { socket, path } = await open(run, 'latency');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await once(socket, 'data');
  const times: number[] = [];
  for (let count = 0; count < pieces; count++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const bytes = chunk(randomBytes(KiB));
    const began = performance.now();
    const taken = take(socket, bytes.length);
    writer.write(bytes);
    await taken;
    times.push((performance.now() - began) * 1000);
  }
  for (const each of [writer, socket]) each.destroy();
  times.sort((a, b) => a - b);
  const part = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
  return [
    rowOfValues(run.name, 'sealgate, half of them', 'µs', [part(0.5)]),
    rowOfValues(run.name, 'sealgate', 'µs', [part(0.99)]),
  ];
}

/** Connections that have one reader each, in turn for each round. */
async function costs(run: Run): Promise<Row[]> {
  const { context, name, server } = run;
  const sockets = await Promise.all(
    Array.from({ length: readers }, async () => (await open(run, 'x')).socket),
  );
  let round = 0;
  const read = (path: string) =>
    sockets.map(async (socket) => {
      const taken = take(socket, segment.length);
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await taken;
    });
  const upload = async (path: string, pieces: Pieces, whileUnderWay: () => Promise<unknown>[]) => {
    const writer = await beginUpload(run, path);
    const piece = pieces.size * KiB;
    writer.write(chunk(segment.subarray(0, piece)));
    await new Promise((resolve) => setTimeout(resolve, pieces.apart));
    const done = whileUnderWay();
    for (let at = piece; at < segment.length; at += piece) {
      await new Promise((resolve) => setTimeout(resolve, pieces.apart));
      writer.write(chunk(segment.subarray(at, at + piece)));
    }
    writer.write('0\r\n\r\n');
    await once(writer, 'data');
    writer.destroy();
    await Promise.all(done);
  };
  const work = { requests: (readers * segment.length) / GiB, bytes: readers * segment.length };
  const pid = server.pid;
  const growingBy = (pieces: Pieces) => ({
    name: `sealgate, pieces of ${pieces.size} KiB`,
    pid,
    run: async () => {
      round += 1;
      segment.writeUInt32BE(round);
      const name = `growing${round}`;
      await upload(name, pieces, () => read(server.address(name, run.protocol).path));
      return work;
    },
  });
  const whole = `whole${process.pid}`;
  segment.writeUInt32BE(process.pid);
  await upload(whole, { size: 64, apart: 0 }, () => []);
  const { path } = server.address(whole, run.protocol);
  const stored = {
    name: 'sealgate, stored',
    pid,
    run: async () => {
      await Promise.all(read(path));
      return work;
    },
  };
  const contenders = [stored, ...piecesOf.map(growingBy)];
  const say = (count: number) => context.say(`${name}: round ${count} of ${mostRounds}`);
  const measured = await interleave(contenders, Math.min(context.settings.rounds, mostRounds), say);
  for (const socket of sockets) socket.destroy();
  return measured.map((each) => costRow(name, each, { saturated: false, unit: perGiB }));
}
