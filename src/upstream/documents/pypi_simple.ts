// The page of a project in a PyPI index (PEP 503, PEP 691), read in either form and written in both, with the
// URLs of files as the mirror has them. Files that are where the upstream may not send clients are left out.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { html, raw } from 'hono/html';
import { Parser } from 'htmlparser2';
import * as z from 'zod';
import { decodedPath } from '../../sites/paths.ts';
import { mirroredUrl, type PypiSource } from './pypi_urls.ts';

export interface SimplePage extends PypiSource {
  path: string;
  /** SHA-256. */
  digest: string;
  isJson: boolean;
  /** The project's name in its normal form. */
  project: string;
  /** Where the page is. */
  url: string;
}

export interface WrittenPage {
  html: string;
  json: string;
  /** Files that are left out. */
  left: number;
}

const mostFiles = 200_000;
/** Elements in each other. The parser takes time for each tag that grows with them. */
const mostDepth = 1000;

/** What is written of a page: another one has another number, and other entity tags. */
export const pageEdition = 2;

/** Whether there is metadata beside a file, with its digests (PEP 691, PEP 714). */
const metadataSchema = z
  .union([z.boolean(), z.record(z.string(), z.string())])
  .optional()
  .catch(undefined);

const fileSchema = z.object({
  filename: z.string().max(512),
  url: z.string().max(4096),
  hashes: z.record(z.string(), z.string()).catch({}),
  'requires-python': z.string().max(512).nullish().catch(undefined),
  yanked: z.union([z.boolean(), z.string().max(4096)]).catch(false),
  size: z.int().min(0).optional().catch(undefined),
  'upload-time': z.string().max(64).optional().catch(undefined),
  'core-metadata': metadataSchema,
  'dist-info-metadata': metadataSchema,
});
type File = z.infer<typeof fileSchema>;

const pageSchema = z.object({
  meta: z.object({ 'api-version': z.string().regex(/^1\.\d+$/) }),
  files: z.array(fileSchema).max(mostFiles),
});

/** Rejects when it is no such page. */
export async function readSimple(page: SimplePage): Promise<WrittenPage> {
  const bytes = await readFile(page.path);
  if (createHash('sha256').update(bytes).digest('hex') !== page.digest)
    throw new Error(`${page.path} has other bytes than ${page.digest}`);
  const text = bytes.toString('utf8');
  const listed = page.isJson ? pageSchema.parse(JSON.parse(text)).files : filesIn(text, page.url);
  const files = listed.flatMap((file) => mirrored(file, page));
  return { ...written(page.project, files), left: listed.length - files.length };
}

/** The links of a page. */
function filesIn(text: string, url: string): File[] {
  const files: File[] = [];
  let base = url;
  const take = (href: string, attributes: Record<string, string>) => {
    if (files.length >= mostFiles) throw new Error(`it lists more than ${mostFiles} files`);
    if (!URL.canParse(href, base)) return;
    const to = new URL(href, base);
    const [, sha256] = /^#sha256=([0-9a-f]{64})$/i.exec(to.hash) ?? [];
    const { 'data-requires-python': python, 'data-yanked': yanked } = attributes;
    const metadata = attributes['data-core-metadata'] ?? attributes['data-dist-info-metadata'] ?? '';
    const [, hex] = /^sha256=([0-9a-f]{64})$/i.exec(metadata) ?? [];
    to.hash = '';
    files.push({
      filename: decodedPath(to.pathname.slice(to.pathname.lastIndexOf('/') + 1)) ?? '',
      url: to.href,
      hashes: sha256 === undefined ? {} : { sha256 },
      'requires-python': python,
      yanked: yanked === undefined ? false : yanked || true,
      ...(hex !== undefined && { 'core-metadata': { sha256: hex } }),
    });
  };
  let depth = 0;
  const parser = new Parser({
    onclosetag: () => void depth--,
    onopentag(name, attributes) {
      if (++depth > mostDepth) throw new Error(`it has more than ${mostDepth} elements in each other`);
      const { href } = attributes;
      if (href === undefined) return;
      if (name === 'base' && URL.canParse(href, url)) base = new URL(href, url).href;
      if (name === 'a') take(href, attributes);
    },
  });
  parser.end(text);
  return files;
}

/** What filenames of Python distributions are made of. */
const filename = /^[A-Za-z0-9_][A-Za-z0-9_.+!-]*$/;

function mirrored(file: File, page: SimplePage): File[] {
  if (!filename.test(file.filename) || !URL.canParse(file.url, page.url)) return [];
  const { 'core-metadata': core, 'dist-info-metadata': older, ...its } = file;
  const said = core ?? older;
  const sha256 = digestIn(file.hashes);
  const metadata = typeof said === 'object' ? digestIn(said) : undefined;
  const to = mirroredUrl(new URL(file.url, page.url), { sha256, metadata }, page);
  if (to === undefined) return [];
  // Without a digest of it nothing is said of metadata: it could not be proved.
  const proved = metadata === undefined ? undefined : { sha256: metadata };
  return [
    {
      ...its,
      // Pages are two segments below the root of the mirror.
      url: `../../${to}`,
      hashes: sha256 === undefined ? {} : { sha256 },
      ...(proved && { 'core-metadata': proved, 'dist-info-metadata': proved }),
    },
  ];
}

function digestIn({ sha256 }: Record<string, string>): string | undefined {
  return sha256 !== undefined && /^[0-9a-f]{64}$/i.test(sha256) ? sha256.toLowerCase() : undefined;
}

function written(project: string, files: File[]): { html: string; json: string } {
  const links = files.map(({ filename, url, hashes, yanked, ...its }) => {
    const { 'requires-python': python, 'core-metadata': metadata } = its;
    const proof = typeof metadata === 'object' ? `sha256=${metadata.sha256}` : '';
    const href = hashes.sha256 === undefined ? url : `${url}#sha256=${hashes.sha256}`;
    const more = [
      python ? html` data-requires-python="${python}"` : '',
      proof && html` data-core-metadata="${proof}" data-dist-info-metadata="${proof}"`,
      yanked === false ? '' : html` data-yanked="${yanked === true ? '' : yanked}"`,
    ].join('');
    return `${html`<a href="${href}"${raw(more)}>${filename}</a><br>`}\n`;
  });
  const head = '<meta name="pypi:repository-version" content="1.0">';
  const begin = `<!DOCTYPE html>\n<html>\n<head>${head}<title>${project}</title></head>\n<body>\n`;
  return {
    html: `${begin}${links.join('')}</body>\n</html>\n`,
    json: JSON.stringify({ meta: { 'api-version': '1.0' }, name: project, files }),
  };
}
