// What is odd about sites and listeners in the configuration, and no fault: it may be meant so.

import type { Config } from './config_schema.ts';
import { publicUrlOf } from './public_urls.ts';

/** A sentence for each, with the setting that it is about. */
export function siteWarnings(config: Pick<Config, 'sites' | 'listeners' | 'purge'>): string[] {
  const { sites = [], purge } = config;
  const isNowhere = sites.every((site) => publicUrlOf(site) === undefined);
  const others = [...ofTls(config), ...ofProxies(config), ...ofPoints(config)];
  if (purge.hooks.length === 0 || !isNowhere) return others;
  const nothing =
    'purge.hooks: no site has a publicUrl, or a host that is no pattern, so there is no URL to purge';
  return [nothing, ...others];
}

function ofProxies({ listeners }: Pick<Config, 'listeners'>): string[] {
  if (listeners.some(({ proxyProtocol, path }) => !proxyProtocol && !path)) return [];
  return [
    'listeners: each has proxyProtocol or is a unix socket, so commands beside the server do not reach it, ' +
      'and it does not test itself; add one for them, such as http://127.0.0.1:8081',
  ];
}

// Each point leads its own encoders, and knows nothing of another's.
function ofPoints({ sites = [] }: Pick<Config, 'sites'>): string[] {
  const points = sites.filter(({ protocol }) => protocol === 'live');
  const begin = ({ bucket = '', prefix = '' }: (typeof points)[number]) => `${bucket}/${prefix}`;
  return points.flatMap((one, at) =>
    points.slice(at + 1).flatMap((other) => {
      const [short = '', long = ''] = [begin(one), begin(other)].sort((a, b) => a.length - b.length);
      if (!long.startsWith(short)) return [];
      const both = [one, other].map(({ host, path }) => host + path).join(' and ');
      return [
        `sites ${both}: both publishing points write what begins with ${short}, where an encoder of one ` +
          'takes the names of the other; give each a prefix of its own',
      ];
    }),
  );
}

function ofTls({ sites = [], listeners }: Pick<Config, 'sites' | 'listeners'>): string[] {
  if (listeners.some(({ tls }) => tls)) return [];
  return sites.flatMap(({ host, path, security }) =>
    security?.hsts
      ? [
          `site ${host}${path}: security.hsts: browsers take it over TLS alone, and no listener here ` +
            'has TLS; it is of use only behind a proxy that has',
        ]
      : [],
  );
}
