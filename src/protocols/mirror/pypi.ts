// A PyPI index: pages of projects, whose links lead to this mirror, and the files that they link.

import { createHash } from 'node:crypto';
import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Answer, problem, respond } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { ResponseField } from '../../native/addon.ts';
import type { Found } from '../../objects/objects.ts';
import { pathPattern } from '../../path_pattern.ts';
import { Remembered } from '../../remembered.ts';
import { decodedPath } from '../../sites/paths.ts';
import { pageEdition, type WrittenPage } from '../../upstream/documents/pypi_simple.ts';
import { isFrom, mirroredFile } from '../../upstream/documents/pypi_urls.ts';
import { upstreamOf } from '../../upstream/keeping.ts';
import type { Source } from './filling.ts';
import { byItsName, type KeptAsOf } from './kept_as.ts';
import type { Kind } from './kinds.ts';
import type { Mirror } from './mirror.ts';
import { lasting } from './named.ts';
import { askedFor, readAt, readByRule, readLocal } from './read_object.ts';

const jsonType = 'application/vnd.pypi.simple.v1+json';
const accept = `${jsonType}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1`;
/** Bytes of a page; the largest of PyPI have some 20 MB. */
const mostPage = 64 * 2 ** 20;
/** Characters of all pages that are remembered as they are sent. */
const mostRemembered = 32 * 2 ** 20;

/** Nobody gets what has come before it is whole and kept: see filling.ts. */
const whole = async () => true;

export const pypi: Kind = (mirror, resources) => {
  const pages = new Pages(mirror);
  return resources.at('/:name{.*}', {
    GET: (request) => {
      const below = decodedPath(request.path.slice(mirror.path.length)) ?? '';
      const [, project, end] = /^simple\/([^/]+)(\/?)$/.exec(below) ?? [];
      if (project === undefined) return readFile(mirror, request);
      const normal = normalName(project);
      if (!/^[a-z0-9](?:[a-z0-9-]{0,198}[a-z0-9])?$/.test(normal)) return problem('not-found');
      if (end === '') return respond(301, [['Location', `${normal}/`]]);
      if (normal !== project) return respond(301, [['Location', `../${normal}/`]]);
      return pages.read(request, normal);
    },
  });
};

export const keptInPypi: KeptAsOf = (_, name) => {
  const [, project] = /^simple\/([^/]+)$/.exec(name) ?? [];
  if (project !== undefined) return { source: pageOf(name) };
  if (/^-\/[0-9a-f]{64}\//.test(name)) return { rule: lasting, proof: byItsName };
  const url = mirroredFile(name)?.url.href;
  return { rule: lasting, ...(url !== undefined && { source: { url } }) };
};

/** Where an upstream has the page of a project, by its name here. */
function pageOf(name: string): Source {
  return { path: `${name}/`, accept, maxBytes: mostPage };
}

/** Names of projects are compared in this form (PEP 503). */
function normalName(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase();
}

/** Whether a project is this server's own, however its patterns are spelled and with or without a slash. */
function localProjects({ path, settings, isLocal }: Mirror): (project: string) => boolean {
  const normal = settings.local.map((glob) => {
    const own = glob.startsWith(path) ? path.length : 0;
    return pathPattern(glob.slice(0, own) + normalName(glob.slice(own)));
  });
  return (project) =>
    [`${path}simple/${project}`, `${path}simple/${project}/`].some(
      (each) => isLocal(each) || normal.some((pattern) => pattern.matches(each)),
    );
}

/** A file that a page links. */
async function readFile(mirror: Mirror, request: EngineRequest): Promise<Answer> {
  const { name, grant } = askedFor(mirror, request);
  const local = await readLocal(mirror, request, grant);
  if (local) return local;
  const file = mirroredFile(name);
  const from = mirror.upstreams().find(({ config: { url: base, redirectsTo: hosts } }) => {
    return file && isFrom(file.url, file.sha256, { base, hosts });
  });
  if (!file || !from) throw new SealgateError('not-found');
  const kept = file.sha256 === undefined ? name : `-/${file.sha256}/${file.filename}`;
  return readAt(
    { ...mirror, upstreams: () => [from] },
    {
      ...{ request, grant, name, at: { bucket: mirror.bucket, name: mirror.prefix + kept } },
      ...{ rule: { ...lasting, sha256: file.sha256 }, source: { url: file.url.href } },
      ...(!isVouched(file.url, from.config.url) && { check: whole }),
    },
  );
}

// The client says where a file is, and which digest it has. Elsewhere on the machine of the upstream, and at
// other ports of hosts that are named, that may be nobody's business: of what is there no byte is told before
// all of them are proved.
function isVouched(url: URL, base: string): boolean {
  return url.href.startsWith(base) || (url.port === '' && url.hostname !== new URL(base).hostname);
}

class Pages {
  readonly #mirror: Mirror;
  /** By digest, edition and project. */
  readonly #written = new Remembered<WrittenPage>(
    mostRemembered,
    ({ html, json }) => html.length + json.length,
  );
  readonly #writing = new Map<string, Promise<WrittenPage>>();
  readonly #isLocal: (project: string) => boolean;

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
    this.#isLocal = localProjects(mirror);
  }

  async read(request: EngineRequest, project: string): Promise<Answer> {
    const name = `simple/${project}`;
    const { services, bucket } = this.#mirror;
    const grant = services.authorize(request, 'read', bucket);
    const own = { ...this.#mirror, isLocal: () => this.#isLocal(project) };
    const local = await readLocal(own, request, grant, name);
    if (local) return local;
    const shown = (found: Found, said: ResponseField[]) => this.#answer(request, project, found, said);
    return readByRule(this.#mirror, { request, grant, name, source: pageOf(name), shown, check: whole });
  }

  async #answer(
    { headers }: EngineRequest,
    project: string,
    found: Found,
    said: ResponseField[],
  ): Promise<Answer> {
    const { json, html } = await this.#page(project, found);
    const isJson = /application\/vnd\.pypi\.simple\.(?:v1|latest)\+json/.test(headers.get('accept') ?? '');
    const { edition } = this.#source(found.ref);
    const etag = `"${found.ref.digest}-${edition}-${isJson ? 'json' : 'html'}"`;
    const fields: ResponseField[] = [
      ['ETag', etag],
      ['Vary', 'Accept'],
      ['Cache-Control', 'no-cache'],
      ...said,
    ];
    if (headers.get('if-none-match')?.includes(etag)) return respond(304, fields);
    const type = isJson ? jsonType : 'text/html; charset=utf-8';
    return respond(200, [['Content-Type', type], ...fields], isJson ? json : html);
  }

  async #page(project: string, { ref }: Found): Promise<WrittenPage> {
    const { edition } = this.#source(ref);
    const key = `${ref.digest}/${edition}/${project}`;
    const known = this.#written.get(key);
    if (known) return known;
    const page = await this.#once(key, () => this.#write(project, ref));
    this.#written.set(key, page);
    return page;
  }

  /** A page is written once for all who wait for it. */
  #once(key: string, write: () => Promise<WrittenPage>): Promise<WrittenPage> {
    const known = this.#writing.get(key);
    if (known) return known;
    const writing = write().finally(() => this.#writing.delete(key));
    this.#writing.set(key, writing);
    return writing;
  }

  /** Where the page came from, and what else than its bytes decides how it is written. */
  #source({ fields }: Found['ref']): { base: string; hosts: readonly string[]; edition: string } {
    const from = this.#mirror.upstreams().find(({ name }) => name === upstreamOf(fields));
    if (!from) throw new SealgateError('not-found');
    const { url: base, redirectsTo: hosts } = from.config;
    const told = JSON.stringify([pageEdition, base, hosts]);
    return { base, hosts, edition: createHash('sha256').update(told).digest('hex').slice(0, 12) };
  }

  async #write(project: string, ref: Found['ref']): Promise<WrittenPage> {
    const { services, shared } = this.#mirror;
    const { log, objects } = services;
    const { digest, mediaType } = ref;
    const { base, hosts } = this.#source(ref);
    const isJson = mediaType.startsWith(jsonType);
    const where = { path: objects.pathOf(digest), digest, isJson };
    const page = { ...where, project, url: `${base}simple/${project}/`, base, hosts };
    try {
      const written = await shared.documents.read('readSimple', page);
      if (written.left > 0)
        log.warn({ project, files: written.left }, 'files of a project are on hosts that are not named');
      return written;
    } catch (error) {
      log.error({ err: error, project }, 'the page of a project cannot be read');
      // Its file may have been damaged: then it is fetched again when it is next asked for.
      await objects.prove(digest, 'content').catch(() => {});
      throw new SealgateError('upstream-unusable');
    }
  }
}
