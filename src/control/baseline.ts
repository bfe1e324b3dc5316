// Baseline: the TLS statistics of kernel and devices when the server began. They are subtracted from later
// ones.

import { addon, type NetDevice } from '../native/addon.ts';
import { lessAtStart, TlsStat } from './tls_stat.ts';

export class Baseline {
  readonly kernel = new TlsStat();
  readonly #devices = new Map(addon.netDevices().map(({ name, statistics }) => [name, statistics]));

  devices(): NetDevice[] {
    return addon.netDevices().map((device) => ({
      ...device,
      statistics: lessAtStart(device.statistics, this.#devices.get(device.name) ?? {}),
    }));
  }
}
