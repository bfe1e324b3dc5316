// What the engine is told of TLS: certificates, keys and versions (native/tls/tls_context.h).

/** A private key in the engine's memory; JavaScript never has its bytes. */
export interface PrivateKey {
  readonly [privateKey]: true;
}
declare const privateKey: unique symbol;

export interface CertificateOptions {
  /** The certificate's name in messages: its file. */
  name: string;
  /** PEM: the leaf, then its chain. */
  certificate: string;
  key: PrivateKey;
  /** DER of an OCSP response to staple; empty: none. */
  ocsp: Uint8Array;
}

export interface TlsOptions {
  /** Chosen by the server name of the client; the first is also the default for other names. */
  certificates: CertificateOptions[];
  minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL lists: TLS 1.2 ciphers, TLS 1.3 cipher suites, key exchange groups; empty keeps the default. */
  ciphers: string;
  cipherSuites: string;
  groups: string;
  /** Whether clients show certificates, and the PEM of the authorities that may issue them. */
  clients: { verify: 'none' | 'optional' | 'required'; ca: string };
  /** Session tickets after a TLS 1.3 handshake; 0: no resumption. */
  tickets: number;
  /** Where all traffic secrets are written; empty: nowhere. */
  keylogFile: string;
}
