// What the engine finds out about the host. Types only; addon.ts exports them with its own.

/** The state of a feature as ethtool(8) shows it; `absent`: this kernel has no such feature. */
export type DeviceFeature = 'absent' | 'off' | 'on' | 'off [fixed]' | 'on [fixed]';

export interface NetDevice {
  name: string;
  driver: string;
  up: boolean;
  features: Record<'tls-hw-tx-offload' | 'tls-hw-rx-offload' | 'tls-hw-record', DeviceFeature>;
  /** The driver's statistics whose names contain `tls`. */
  statistics: Record<string, number>;
}

/** The means by which a file system can keep a file from changing. Empty: it can; else why not. */
export interface SealMeans {
  fileSystem: string;
  /** Mounted so; then the rest was not tried. */
  readOnly: boolean;
  immutable: string;
  lease: string;
  verity: string;
}
