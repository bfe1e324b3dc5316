// What the engine is told about kernel TLS, and what it tells: policy, rollout, capabilities and who has the
// record layer of each connection. Types only; addon.ts exports them with its own.

import type { ktlsCiphers, ktlsProtocols, Phase, Slice } from '../config/rollout.ts';

export type KtlsMode = 'auto' | 'off' | 'require';

export type KtlsProtocol = (typeof ktlsProtocols)[number];
export type KtlsCipher = (typeof ktlsCiphers)[number];

/** What may go by kernel TLS. */
export interface KtlsPolicy {
  mode: KtlsMode;
  /** Directions: sending, receiving. */
  tx: boolean;
  rx: boolean;
  protocols: KtlsProtocol[];
  ciphers: KtlsCipher[];
  /** A response or an upload of at least this many bytes moves its connection into the kernel. */
  minBytes: number;
  /** Records that one AES key protects before it is replaced, or the connection ends in order. */
  recordsPerKey: number;
  /** Where TLS_TX_ZEROCOPY_RO is set, for blobs from seal level L2 on. */
  zeroCopy: 'off' | 'device' | 'always';
  /** A network device offers to take keys: the kernel is asked who has each. */
  askModes: boolean;
}

/** Which connections may move into the kernel (src/config/rollout.ts); for handshakes from now on. */
export interface EngineRollout {
  phase: Phase;
  /** Share of the slice, 0..1, in hundredths of a percent. */
  canary: number;
  sticky: boolean;
  /** Up to 16 bytes that the division into canary and control depends on. */
  salt: string;
  /** Listeners by index. */
  slice: Omit<Slice, 'listeners'> & { listeners: number[] };
  /** Server names of the server's own fetches: one that may move, one that stays. */
  sentinels: { canary: string; control: string };
}

export interface ConnectionDirection {
  /** Empty in plaintext. */
  by: 'openssl' | 'engine' | 'kernel' | '';
  /** Why it is not in the kernel; empty when it is. */
  reason: string;
  /** Who has the kernel's key (native/tls/ktls_mode.h). */
  mode: 'none' | 'software' | 'device' | 'device-record' | 'unknown';
}

export interface ConnectionInfo {
  peer: string;
  serverName: string;
  listener: number;
  state: string;
  group: string;
  /** `TLSv1.3/AES-128-GCM`; empty until the handshake is done. */
  suite: string;
  tx: ConnectionDirection;
  rx: ConnectionDirection;
  /** TLS_TX_ZEROCOPY_RO is set. */
  zeroCopy: boolean;
  ageSeconds: number;
  /** Bytes of request bodies, and of responses. */
  received: number;
  sent: number;
  /** Share of the records that one key may protect, 0..1. */
  keyBudgetUsed: number;
}

export interface KtlsCapability {
  protocol: KtlsProtocol;
  cipher: KtlsCipher;
  direction: 'tx' | 'rx';
  works: boolean;
  rekeys: boolean;
  /** Where the first failing step failed, and its errno name; empty when it works. */
  failure: string;
}
