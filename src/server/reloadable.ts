// Which settings a reload puts in force. What is not named here takes a restart.

import type { Config } from '../config/config.ts';

type Section = { [Name in keyof Config]-?: Name extends string ? Name : never }[keyof Config];

/** By section: `true` are all of its settings, `false` none. docs/reload.md says the same to people. */
export const reloadable: Record<Section, boolean | readonly string[]> = {
  $schema: true,
  store: false,
  listeners: false,
  user: false,
  workers: false,
  tls: [
    'certificate',
    'key',
    'ocsp',
    'certificates',
    'minVersion',
    'ciphers',
    'cipherSuites',
    'groups',
    'clients',
    'tickets',
  ],
  ktls: false,
  rollout: false,
  guard: false,
  sentinel: true,
  buckets: true,
  sites: true,
  sitesFolder: true,
  upstreams: true,
  sharedBuckets: false,
  seal: false,
  scrub: true,
  gc: true,
  lastModified: false,
  auth: false,
  control: false,
  limits: [
    'targetBytes',
    'headBytes',
    'fields',
    'ranges',
    'smallBodyBytes',
    'proxyTimeout',
    'handshakeTimeout',
    'headTimeout',
    'idleTimeout',
    'stallTimeout',
    'applicationTimeout',
    'minRate',
    'maxObjectBytes',
  ],
  drain: true,
  healthPath: false,
  purge: true,
  rateLimits: true,
  trustedProxies: true,
  requestIds: false,
  log: true,
};

export function isReloadable(section: Section, setting: string): boolean {
  const which = reloadable[section];
  return typeof which === 'boolean' ? which : which.includes(setting);
}

/** The configuration `inUse` with all that a reload takes of `given`. */
export function afterReload(inUse: Config, given: Config): Config {
  const taken = Object.entries(reloadable).map(([name, which]): [string, unknown] => {
    const [its, wanted] = [inUse[name as Section], given[name as Section]];
    if (typeof which === 'boolean') return [name, which ? wanted : its];
    const section = Object.entries(wanted as object).filter(([setting]) =>
      isReloadable(name as Section, setting),
    );
    return [name, { ...(its as object), ...Object.fromEntries(section) }];
  });
  return Object.fromEntries(taken) as unknown as Config;
}
