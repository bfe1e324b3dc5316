// runDoctor: checks what this host can do for Sealgate, and what stands in its way. All checks run with the
// rights of the calling user.

import type { Config } from '../config/config.ts';
import { certificateFindings } from './certificates.ts';
import { deviceFindings } from './devices.ts';
import type { Finding } from './finding.ts';
import { hostFindings } from './host.ts';
import { kernelFindings } from './kernel.ts';
import { negotiationFindings } from './negotiation.ts';
import { storeFindings } from './store.ts';

/**
 * @param site whether the configuration was given by the operator; only then its certificates and store
 * exist.
 */
export async function runDoctor(config: Config, site: boolean): Promise<Finding[]> {
  const encrypted = config.listeners.some(({ tls }) => tls);
  const certificates = site && encrypted ? await certificateFindings(config.tls) : [];
  const usable = certificates.length > 0 && certificates.every(({ severity }) => severity !== 'fail');
  return [
    ...kernelFindings(config.ktls.mode),
    ...deviceFindings(),
    ...hostFindings(config.limits.connections, config.workers),
    ...certificates,
    ...(usable ? await negotiationFindings(config) : []),
    ...(site ? await storeFindings(config.store, config) : []),
  ];
}
