// What is odd about sites in the configuration, and no fault: it may be meant so.

import type { Config } from './config_schema.ts';

/** A sentence for each, with the setting that it is about. */
export function siteWarnings({ sites = [], listeners }: Pick<Config, 'sites' | 'listeners'>): string[] {
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
