// The TLS version and cipher that a modern client gets, from a real handshake with the engine over loopback.

import { once } from 'node:events';
import { connect } from 'node:tls';
import pino from 'pino';
import type { Config } from '../config/config.ts';
import { DeliveryPool } from '../engine/pool.ts';
import { reactorOptions } from '../engine/reactor_options.ts';
import { openSockets } from '../engine/server_sockets.ts';
import { TlsFiles } from '../engine/tls_files.ts';
import { addon } from '../native/addon.ts';
import type { Finding } from './finding.ts';

const area = 'handshake';
const patience = 10_000;
/** OpenSSL's names of the cipher suites that kernel TLS supports. */
const kernelCiphers =
  /^(TLS_(AES_(128|256)_GCM|CHACHA20_POLY1305|AES_128_CCM)_SHA|ECDHE-.*(GCM|CHACHA20|AES128-CCM$))/;

export async function negotiationFindings(config: Config): Promise<Finding[]> {
  const { openssl, opensslFile, nghttp2, nghttp2File } = addon.libraries();
  const libraries: Finding[] = [
    { area, severity: 'info', found: `${openssl}, inside ${opensslFile}` },
    { area, severity: 'info', found: `nghttp2 ${nghttp2}, inside ${nghttp2File}` },
  ];
  try {
    const negotiated = await handshake(config);
    const found = `${negotiated.protocol}, ${negotiated.cipher}`;
    if (kernelCiphers.test(negotiated.cipher)) return [...libraries, { area, severity: 'ok', found }];
    return [
      ...libraries,
      {
        area,
        severity: 'warn',
        found,
        meaning: 'Kernel TLS does not know this cipher: such connections stay in userspace.',
        remedy: 'leave tls.ciphers and tls.cipherSuites to their defaults, or put an AES-GCM suite first',
      },
    ];
  } catch (error) {
    return [...libraries, { area, severity: 'fail', found: `no handshake: ${(error as Error).message}` }];
  }
}

async function handshake(config: Config): Promise<{ protocol: string; cipher: string }> {
  const tls = await new TlsFiles(config.tls, '').read();
  const sockets = openSockets([{ host: '127.0.0.1', port: 0, tls: true, http2: true }], 1);
  const reactor = { ...reactorOptions(config, tls, false), mounts: [] };
  const bridge = { add: () => {}, remove: () => {} };
  const pool = await DeliveryPool.start({ sockets, reactor, bridge, log: pino({ level: 'silent' }) });
  try {
    const [{ port = 0 } = {}] = pool.listeners;
    const socket = connect({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    });
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(patience) });
    const negotiated = { protocol: socket.getProtocol() ?? 'unknown', cipher: socket.getCipher().name };
    socket.destroy();
    return negotiated;
  } finally {
    await pool.stop(0);
  }
}
