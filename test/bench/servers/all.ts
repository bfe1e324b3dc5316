// All servers that serve a folder, in the order of the table. The floor is not one of them: it serves one
// file.

import { startCaddy } from './caddy.ts';
import { startH2o } from './h2o.ts';
import { startLighttpd } from './lighttpd.ts';
import { startNginx } from './nginx.ts';
import { startBun, startDeno, startNode } from './runtimes.ts';
import { startSealgate } from './sealgate.ts';
import type { Start } from './server.ts';

export const fileServers: Record<string, Start> = {
  sealgate: (site) => startSealgate(site),
  nginx: (site) => startNginx(site),
  h2o: startH2o,
  lighttpd: startLighttpd,
  caddy: startCaddy,
  'Bun.serve': startBun,
  'Deno.serve': startDeno,
  'node https': startNode,
};
