// Where a mirror of a PyPI index has a file: `-/SHA256/https/HOST/PATH`. So its name tells where it comes
// from and which bytes it has.

export interface PypiSource {
  /** Where the upstream begins. */
  base: string;
  /** Hosts that files may come from besides its own. */
  hosts: readonly string[];
}

/** Undefined: it is where no file may come from. @param sha256 undefined: nobody says. */
export function mirroredUrl(url: URL, sha256: string | undefined, source: PypiSource): string | undefined {
  if (!isFrom(url, sha256, source)) return undefined;
  return `-/${sha256 ?? '-'}/${url.protocol.slice(0, -1)}/${url.host}${url.pathname}`;
}

export interface MirroredFile {
  url: URL;
  sha256: string | undefined;
  filename: string;
}

/** The file that a name is for, decoded; undefined: it is none. */
export function mirroredFile(name: string): MirroredFile | undefined {
  const [, hex = '', scheme = '', host = '', path = ''] =
    /^-\/([0-9a-f]{64}|-)\/(https?)\/([a-z0-9.:[\]-]+)\/(.+)$/.exec(name) ?? [];
  const text = `${scheme}://${host}/${path.split('/').map(encodeURIComponent).join('/')}`;
  if (scheme === '' || !URL.canParse(text)) return undefined;
  const filename = path.slice(path.lastIndexOf('/') + 1);
  return { url: new URL(text), sha256: hex === '-' ? undefined : hex, filename };
}

/** Whether an upstream may have a file there. Without a digest nobody could tell if it is the right one. */
export function isFrom(url: URL, sha256: string | undefined, { base, hosts }: PypiSource): boolean {
  const own = new URL(base);
  if (url.search !== '' || url.username !== '' || url.password !== '') return false;
  if (sha256 === undefined) return url.href.startsWith(own.href);
  if (url.origin === own.origin) return true;
  const isNamed = hosts.some(
    (name) => name === url.hostname || (name.startsWith('*.') && url.hostname.endsWith(name.slice(1))),
  );
  return isNamed && (url.protocol === 'https:' || (url.protocol === 'http:' && own.protocol === 'http:'));
}
