// `make bench-idle`: memory of our process for one idle keep-alive connection, beside nginx's, with both
// directions in the kernel where the kernel can (run inside of it), else in userspace TLS. Memory is what the
// process alone has (smaps_rollup of proc(5)): the kernel's own share is not in it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSetup, type Server, startNginx, startSealgate } from './servers.ts';

const connections = Number(process.env.BENCH_CONNECTIONS ?? 10_000);
/** Bytes that Sealgate may take for a connection when the kernel has both directions. */
const bar = 4096;
const ktls = readFileSync('/proc/sys/net/ipv4/tcp_available_ulp', 'utf8').includes('tls');

/** Bytes of a process and its children. */
function privateMemory(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kilobytes = [...rollup.matchAll(/^Private_\w+: +(\d+) kB$/gm)].map((match) => Number(match[1]));
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
  const own = kilobytes.reduce((sum, each) => sum + each, 0) * 1024;
  return children.reduce((sum, child) => sum + privateMemory(Number(child)), own);
}

/** Bytes for each idle connection. */
async function idle(server: Server): Promise<number> {
  const { port, pathname } = new URL(server.url('small.bin'));
  const hold = async (count: number) => {
    const client = spawn('build/bench/tls_client', [port, pathname, 'idle', `${count}`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(client.stdout, 'data');
    return client;
  };
  // The first hundred pay for what all share.
  const warm = await hold(100);
  const before = privateMemory(server.pid());
  const held = await hold(connections);
  const after = privateMemory(server.pid());
  for (const client of [warm, held]) {
    client.stdin.end();
    await once(client, 'exit');
  }
  return (after - before) / connections;
}

const work = mkdtempSync(join(process.env.SEALGATE_TEST_DIR ?? tmpdir(), 'idle-'));
try {
  const setup = { ...makeSetup(work, 0), ktls };
  writeFileSync(`${setup.files}/small.bin`, Buffer.alloc(1000));
  console.log(`${connections} idle connections, ${ktls ? 'kernel TLS' : 'userspace TLS'}`);
  for (const start of [startNginx, startSealgate]) {
    const server = await start(setup);
    const bytes = await idle(server);
    const verdict =
      server.name === 'sealgate' && ktls ? `, bar ${bar}: ${bytes <= bar ? 'reached' : 'missed'}` : '';
    console.log(`  ${server.name.padEnd(10)}${bytes.toFixed(0).padStart(8)} bytes each${verdict}`);
    await server.stop();
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
