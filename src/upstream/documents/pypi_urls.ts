// Where a mirror of a PyPI index has a file: `-/SHA256/https/HOST/PATH`. So its name tells where it comes
// from and which bytes it has. Where the index proves the metadata of the file (PEP 658), too, which clients
// find by `.metadata` behind its URL, it is `-/SHA256.SHA256 of the metadata/https/HOST/PATH`.

export interface PypiSource {
  /** Where the upstream begins. */
  base: string;
  /** Hosts that files may come from besides its own. */
  hosts: readonly string[];
}

/** Digests that an index says of a file and of its metadata; undefined: it says none. */
export interface PypiDigests {
  sha256: string | undefined;
  metadata: string | undefined;
}

/** Undefined: it is where no file may come from. */
export function mirroredUrl(
  url: URL,
  { sha256, metadata }: PypiDigests,
  source: PypiSource,
): string | undefined {
  if (!isFrom(url, sha256, source)) return undefined;
  const digests = `${sha256 ?? '-'}${metadata === undefined ? '' : `.${metadata}`}`;
  return `-/${digests}/${url.protocol.slice(0, -1)}/${url.host}${url.pathname}`;
}

export interface MirroredFile {
  url: URL;
  sha256: string | undefined;
  filename: string;
}

const metadataEnding = '.metadata';

/** The file that a name is for, decoded; undefined: it is none, or metadata of which no digest is known. */
export function mirroredFile(name: string): MirroredFile | undefined {
  const [, hex = '', metadata, scheme = '', host = '', path = ''] =
    /^-\/([0-9a-f]{64}|-)(?:\.([0-9a-f]{64}))?\/(https?)\/([a-z0-9.:[\]-]+)\/(.+)$/.exec(name) ?? [];
  const text = `${scheme}://${host}/${path.split('/').map(encodeURIComponent).join('/')}`;
  if (scheme === '' || !URL.canParse(text)) return undefined;
  const filename = path.slice(path.lastIndexOf('/') + 1);
  const isMetadata = filename.endsWith(metadataEnding);
  if (isMetadata && metadata === undefined) return undefined;
  const sha256 = isMetadata ? metadata : hex;
  return { url: new URL(text), sha256: sha256 === '-' ? undefined : sha256, filename };
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
