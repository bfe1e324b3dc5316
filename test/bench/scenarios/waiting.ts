// Waiting: players that are held until a playlist has the next segment, beside players that ask for a
// playlist that is there.

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { costRow, interleave } from '../measure.ts';
import { type Row, rowOfValues } from '../results.ts';
import { open, type Run, take, withServer } from './readers.ts';
import type { Scenario } from './scenario.ts';

const players = 5000;
const mostRounds = 5;
const segments = 10;
const about = {
  buckets: { live: 'versioned' },
  sites: [{ protocol: 'live', path: '/o/files/', bucket: 'live', rewrite: 'replace' }],
};

export const waiting: Scenario[] = (['plain', 'tls'] as const).map((protocol) => ({
  name: `waiting players ${protocol}`,
  about: `${players} players that wait for one playlist, or ask for one that is there`,
  usual: protocol === 'tls',
  sizes: [],
  run: (context) => withServer(context, `waiting players ${protocol}`, protocol, about, run),
}));

function playlist(first: number): string {
  const control = '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES';
  const head = ['#EXTM3U', '#EXT-X-TARGETDURATION:60', `#EXT-X-MEDIA-SEQUENCE:${first}`, control];
  // As many bytes each time.
  const number = (at: number) => String(first + at).padStart(8, '0');
  const names = Array.from({ length: segments }, (_, at) => `#EXTINF:60.0,\nsegment${number(at)}.ts`);
  return [...head, ...names, ''].join('\n');
}

async function run(run: Run): Promise<Row[]> {
  const { context, name, server, protocol, token } = run;
  const sockets = await Promise.all(
    Array.from({ length: players }, async () => (await open(run, 'x')).socket),
  );
  const writer = (await open(run, 'x')).socket;
  const { path } = server.address('out.m3u8', protocol);
  const push = async (first: number) => {
    const body = playlist(first);
    const fields = ['Host: localhost', `Authorization: Bearer ${token}`, `Content-Length: ${body.length}`];
    writer.write(`${[`PUT ${path} HTTP/1.1`, ...fields].join('\r\n')}\r\n\r\n${body}`);
    await once(writer, 'data');
  };
  // Numbers that have as many digits from here on.
  let first = 1000;
  await push(first);
  const [one] = sockets as [Socket];
  one.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const [answer] = (await once(one, 'data')) as [Buffer];
  const ask = (query: string) =>
    sockets.map((socket) => {
      const taken = take(socket, answer.length);
      socket.write(`GET ${path}${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      return taken;
    });
  const work = { requests: players, bytes: players * answer.length };
  const spans: number[] = [];
  let waiting: Promise<void>[] = [];
  const wait = async () => {
    waiting = ask(`?_HLS_msn=${first + segments}`);
    await setTimeout(1500);
  };
  const wake = async () => {
    first += 1;
    await push(first);
    const began = performance.now();
    await Promise.all(waiting);
    spans.push(performance.now() - began);
    return work;
  };
  const woken = { name: 'sealgate, woken', pid: server.pid, before: wait, run: wake };
  const waited = {
    name: 'sealgate, asked, held and woken',
    pid: server.pid,
    run: async () => {
      await wait();
      return wake();
    },
  };
  const there = {
    name: 'sealgate, there',
    pid: server.pid,
    run: async () => {
      await Promise.all(ask(''));
      return work;
    },
  };
  const say = (count: number) => context.say(`${name}: round ${count} of ${mostRounds}`);
  const measured = await interleave(
    [there, woken, waited],
    Math.min(context.settings.rounds, mostRounds),
    say,
  );
  for (const socket of [...sockets, writer]) socket.destroy();
  return [
    ...measured.map((each) => costRow(name, each, { saturated: false })),
    rowOfValues(name, 'sealgate, from the playlist to the last player', 'ms', spans),
  ];
}
