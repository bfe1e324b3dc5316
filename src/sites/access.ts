// Access: whom a site serves, besides what tokens say of its bucket: by address and by signed URLs, which the
// engine judges before it looks for a kept plan (native/server/access.h).

import type { SiteConfig } from '../config/sites.ts';
import type { EngineMount } from '../native/addon.ts';
import { keyIdOf } from '../signed_urls.ts';
import type { Authorize } from './authorize.ts';
import { openToAll, readGrant } from './grants.ts';
import type { Mount, Services } from './mount.ts';

type Told = Pick<EngineMount, 'openReads' | 'access'>;

/** What a mount is served with, and what the engine is told of it, by the settings of its site. */
export function accessOf(mount: Mount, shared: Services): { services: Services; told: Told } {
  const { site, bucket = '' } = mount;
  const services = site?.auth === 'token' ? { ...shared, ...shared.withTokens, openReads: false } : shared;
  const { openReads } = services;
  const access = site && engineAccess(site, bucket);
  const told = { openReads, ...(access && { access }) };
  const signed = site?.signed;
  if (!signed) return { services, told };
  const isPublic = signed.required ? signed.sharedCaches : openReads;
  const grant = openReads ? openToAll : readGrant(bucket);
  const authorize: Authorize = (request, action, asked, repository) =>
    request.isSigned && action === 'read' && asked === bucket
      ? grant
      : services.authorize(request, action, asked, repository);
  return { services: { ...services, authorize, isPublic }, told };
}

function engineAccess(site: SiteConfig, bucket: string): EngineMount['access'] {
  const { host, path, allow = [], deny = [], signed } = site;
  if (!signed && allow.length + deny.length === 0) return undefined;
  return {
    allow,
    deny,
    ...(signed && {
      signed: {
        site: `${host}${path}`,
        required: signed.required,
        grant: readGrant(bucket),
        keys: signed.keys.map((name) => ({ id: keyIdOf(name), name })),
      },
    }),
  };
}
