// The configuration in the engine's words: what every reactor of the server is made with.

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Config } from '../config.ts';
import { engineErrors, problemBody } from '../errors.ts';
import type { ReactorOptions, TlsOptions } from '../native/addon.ts';

/** Bytes that protect session tickets. All workers share them, so any of them resumes a session. */
const ticketKeyBytes = 80;

/** Rejects when the certificate or its key cannot be read. */
export async function reactorOptions(config: Config): Promise<Omit<ReactorOptions, 'sharedPorts'>> {
  const encrypted = config.listeners.some(({ tls }) => tls);
  const { maxObjectBytes: _, ...limits } = config.limits;
  return {
    listeners: config.listeners,
    ...(encrypted && { tls: await tlsOptions(config.tls) }),
    ktls: config.ktls,
    limits,
    problems: engineProblems(),
    planKeyFields: [],
    serverName: 'sealgate',
  };
}

/** The bodies of the refusals that the engine makes by itself. */
export function engineProblems(): ReactorOptions['problems'] {
  const codes = Object.keys(engineErrors) as (keyof typeof engineErrors)[];
  return Object.fromEntries(
    codes.map((code) => [code, { status: engineErrors[code].status, body: problemBody(code) }]),
  );
}

async function tlsOptions({ certificate, key, ...policy }: Config['tls']): Promise<TlsOptions> {
  return {
    certificate: await pem('tls.certificate', certificate),
    key: await pem('tls.key', key),
    ...policy,
    ticketKey: randomBytes(ticketKeyBytes),
  };
}

async function pem(setting: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Error(
      `${setting}: ${path} cannot be read (${code}); name a PEM file, or make one with 'sealgate init'`,
    );
  }
}
