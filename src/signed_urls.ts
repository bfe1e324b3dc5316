// Signed URLs: what a signature is of, and how a URL carries it. docs/signed-urls.md describes it for those
// who sign; the engine verifies (native/server/url_signature.h).

import { basename } from 'node:path';

/** What a signature allows. All texts stand in the URL as they are here. */
export interface Signed {
  /** Host and path of the site, as they are configured: `cdn.example.com/`. */
  site: string;
  /** Seconds since the epoch: from then on it does not count. */
  expires: number;
  /** The id of the key. */
  key: string;
  /** GET, which includes HEAD, or HEAD; absent: both. */
  method?: string | undefined;
  /** The network of the client, as `192.0.2.0/24`; absent: any. */
  network?: string | undefined;
  /** What the path begins with; absent: the path is signed as a whole. */
  prefix?: string | undefined;
}

/** The id by which URLs name a key: that of its file, without `.key`. */
export function keyIdOf(file: string): string {
  return basename(file, '.key');
}

/** A path of a key that begins so is in the folder that systemd gives a service (LoadCredential=). */
export const credentialsFolder = '$CREDENTIALS_DIRECTORY/';

export const keyIdPattern = /^[A-Za-z0-9._-]{1,64}$/;

// A slash would end a segment of a path.
const networkText = ({ network = '' }: Signed) => network.replace('/', '_');

/** What the signature is made of. @param path as clients send it, without the signature. */
export function signedText(signed: Signed, path: string): string {
  const { site, expires, key, method = '', prefix } = signed;
  const scope = prefix === undefined ? ['path', path] : ['prefix', prefix];
  return ['sealgate-url-1', site, expires, key, method, networkText(signed), ...scope].join('\n');
}

/** The parameters that a URL carries. */
export function signatureParameters(signed: Signed, signature: string): string {
  const { expires, key, method, prefix } = signed;
  const network = networkText(signed);
  const parameters = [
    `sg-expires=${expires}`,
    `sg-key=${key}`,
    ...(method === undefined ? [] : [`sg-method=${method}`]),
    ...(network === '' ? [] : [`sg-network=${network}`]),
    ...(prefix === undefined ? [] : [`sg-prefix=${prefix.length}`]),
    `sg-signature=${signature}`,
  ];
  return parameters.join('&');
}
