// The protocol "web": a bucket, or what begins with a prefix in it, as a web site. Names are read; uploads go
// by the protocol "objects".

import type { Protocol } from '../../sites/mount.ts';
import { webName, webSite } from './web_site.ts';

export const web: Protocol = {
  parameters: [],
  refusesItself: true,
  serve: (services, mount) => webSite(services, mount),
  named: webName,
};
