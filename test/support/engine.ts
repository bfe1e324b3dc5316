// The delivery side alone: real reactors on real threads in this process, with a handler of the test's own.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { Bridge, type Handle } from '../../src/engine/bridge.ts';
import { DeliveryPool } from '../../src/engine/pool.ts';
import { engineProblems } from '../../src/engine/reactor_options.ts';
import { openSockets } from '../../src/engine/server_sockets.ts';
import type { EngineLimits, EngineMount, Reactor } from '../../src/native/addon.ts';

const limits: EngineLimits = {
  connections: 256,
  targetBytes: 8192,
  headBytes: 32768,
  fields: 100,
  ranges: 32,
  smallBodyBytes: 16384,
  planCacheBytes: 1 << 20,
  planCacheEntries: 128,
  applicationRequests: 64,
  uploads: 8,
  proxyTimeout: 5000,
  handshakeTimeout: 5000,
  headTimeout: 5000,
  idleTimeout: 5000,
  stallTimeout: 5000,
  applicationTimeout: 60_000,
  minRate: 1,
};

export interface TestEngine {
  origin: string;
  dir: string;
  pool: DeliveryPool;
  /** Every reactor there ever was, replacements included. */
  reactors: Reactor[];
  refused: string[];
  stop(): Promise<void>;
}

/**
 * A plaintext listener whose requests are answered by `handle`.
 * @param blobs the folder that blobs are below; empty: none is delivered.
 * @param settings limits that differ from those of other tests.
 */
export async function startEngine(
  handle: Handle,
  workers = 2,
  blobs = '',
  mounts: readonly EngineMount[] = [
    { id: 1, host: '*', path: '/', openReads: true, parameters: [], name: '' },
  ],
  settings: Partial<EngineLimits> = {},
): Promise<TestEngine> {
  const dir = await mkdtemp(join(process.env.SEALGATE_TEST_DIR ?? tmpdir(), 'sealgate-engine-'));
  const log = pino({ level: 'silent' });
  const refused: string[] = [];
  const bridge = new Bridge({
    handle,
    // Handlers of these tests deliver no blobs.
    broken: async () => {},
    refused: (code) => refused.push(code),
    log,
  });
  const reactors: Reactor[] = [];
  const recording = {
    add: (reactor: Reactor) => {
      reactors.push(reactor);
      bridge.add(reactor);
    },
    remove: (reactor: Reactor) => bridge.remove(reactor),
  };
  bridge.listen();
  const pool = await DeliveryPool.start({
    sockets: openSockets([{ host: '127.0.0.1', port: 0, tls: false, http2: true }], workers),
    bridge: recording,
    log,
    reactor: {
      ktls: {
        zeroCopy: 'off',
        askModes: false,
        mode: 'off',
        tx: true,
        rx: true,
        protocols: [],
        ciphers: [],
        minBytes: 65536,
        recordsPerKey: 2 ** 24,
      },
      limits: { ...limits, ...settings },
      problems: engineProblems(),
      serverName: 'sealgate',
      requestIds: { send: true, trust: [] },
      trustedProxies: { from: [], field: 'X-Forwarded-For' },
      rateLimits: [],
      healthPath: '',
      mounts,
      blobs,
    },
  });
  const stop = async () => {
    await pool.stop(2000);
    await bridge.close();
    await rm(dir, { recursive: true, force: true });
  };
  return { origin: `http://127.0.0.1:${pool.listeners[0]?.port}`, dir, pool, reactors, refused, stop };
}
