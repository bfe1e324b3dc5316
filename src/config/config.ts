// Reads the configuration: a file, overridden by environment variables, overridden by flags. All invalid
// values are reported at once, each with its origin.

import { dirname, resolve } from 'node:path';
import type * as z from 'zod';
import { controlUrl } from '../control_address.ts';
import { expectationOf } from '../faults.ts';
import { readNamed, whyUnreadable } from '../regular_file.ts';
import { credentialsFolder } from '../signed_urls.ts';
import { defaultMode, modeText } from './listeners.ts';
import { type Config, configSchema } from './schema.ts';
import type { SiteConfig } from './sites.ts';
import { readSitesFolder, type SiteOrigin, SitesFolderError } from './sites_folder.ts';
import type { UpstreamConfig } from './upstreams.ts';

export type { Config };
export type Address = Config['listeners'][number];

/** An address as the file writes it, for example `https://[::1]:8443` or `unix:/run/sealgate.sock`. */
export function urlOf({ host, port, tls, path }: Pick<Address, 'host' | 'port' | 'tls' | 'path'>): string {
  if (path) return `unix:${path}`;
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The contents of a configuration file that gives this configuration, with the sites of the folder in it. */
export function fileOf({ sitesFolder: _, ...config }: Config): unknown {
  const control = { ...config.control, listen: controlUrl(config.control.listen) };
  const listeners = config.listeners.map((each) => {
    const { http2, name, proxyProtocol, path, tls, mode, owner } = each;
    const settings = {
      ...(path && tls && { tls }),
      ...(mode !== undefined && mode !== defaultMode && { mode: modeText(mode) }),
      ...(owner !== undefined && { owner }),
      ...(!http2 && { http2 }),
      ...(name !== undefined && { name }),
      ...(proxyProtocol && { proxyProtocol }),
    };
    return Object.keys(settings).length === 0 ? urlOf(each) : { url: urlOf(each), ...settings };
  });
  return { ...config, listeners, control };
}

/** Settings that have an environment variable and a flag, by their path in the file. */
export const settings = {
  store: { variable: 'SEALGATE_STORE', type: 'path' },
  listeners: { variable: 'SEALGATE_LISTEN', type: 'addresses' },
  user: { variable: 'SEALGATE_USER', type: 'text' },
  workers: { variable: 'SEALGATE_WORKERS', type: 'number' },
  'tls.certificate': { variable: 'SEALGATE_TLS_CERTIFICATE', type: 'path' },
  'tls.key': { variable: 'SEALGATE_TLS_KEY', type: 'path' },
  'ktls.mode': { variable: 'SEALGATE_KTLS', type: 'text' },
  'ktls.minBytes': { variable: 'SEALGATE_KTLS_MIN_BYTES', type: 'number' },
  'ktls.recordsPerKey': { variable: 'SEALGATE_KTLS_RECORDS_PER_KEY', type: 'number' },
  'auth.reads': { variable: 'SEALGATE_READS', type: 'text' },
  'auth.tokens': { variable: 'SEALGATE_TOKENS', type: 'path' },
  'control.audit': { variable: 'SEALGATE_AUDIT', type: 'path' },
  'control.listen': { variable: 'SEALGATE_CONTROL', type: 'text' },
  'drain.lameDuckSeconds': { variable: 'SEALGATE_LAME_DUCK_SECONDS', type: 'number' },
  'drain.graceSeconds': { variable: 'SEALGATE_DRAIN_SECONDS', type: 'number' },
  'log.access': { variable: 'SEALGATE_ACCESS_LOG', type: 'path' },
  'log.level': { variable: 'SEALGATE_LOG_LEVEL', type: 'text' },
} as const;
export type Setting = keyof typeof settings;

/** Characters of a value that a fault repeats. */
const shownCharacters = 200;

/** Flags of the command line as typed. */
export type Flags = Partial<Record<Setting, { flag: string; value: string | string[] | undefined }>>;

/** An invalid configuration; each line of the message is one fault. */
export class ConfigError extends Error {}

interface Source {
  /** Path of the file; undefined: `sealgate.json` in the working directory, which may be missing. */
  file?: string | undefined;
  env?: NodeJS.ProcessEnv;
  flags?: Flags;
}

/** The path of the file that is read. */
export function configPath({ file, env = process.env }: Source): string {
  return resolve(file ?? env.SEALGATE_CONFIG ?? 'sealgate.json');
}

/** Throws ConfigError with all faults. */
export async function loadConfig({ file, env = process.env, flags = {} }: Source): Promise<Config> {
  const path = configPath({ file, env });
  const raw = await readJson(path, file !== undefined || env.SEALGATE_CONFIG !== undefined);
  const origins = new Map<string, string>();
  for (const [setting, { variable, type }] of Object.entries(settings)) {
    const flag = flags[setting as Setting];
    const fromFlag = flag?.value !== undefined;
    const given = fromFlag ? flag.value : env[variable];
    if (given === undefined || given === '') continue;
    set(raw, setting, typed(given, type));
    origins.set(setting, fromFlag ? flag.flag : variable);
  }
  const own = Array.isArray(raw.sites) ? raw.sites.length : 0;
  const siteOrigins = await addFolder(raw, dirname(path));
  const inFile = (index: number) => siteOrigins[index - own];
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success)
    throw new ConfigError(
      parsed.error.issues.map((each) => fault(each, raw, { origins, file: path, inFile })).join('\n'),
    );
  return withPaths(parsed.data, dirname(path));
}

async function readJson(path: string, required: boolean): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = (await readNamed(path)).toString();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !required) return {};
    throw new ConfigError(
      `${path}: cannot be read (${whyUnreadable(cause)}); ` +
        `make one with 'sealgate init' or name it with --config`,
    );
  }
  const value = parseJson(path, text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new ConfigError(`${path}: is not JSON: expected an object`);
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`${path}${lineOf(text, cause as Error)}: is not JSON: ${(cause as Error).message}`);
  }
}

/** Puts the sites of the folder behind those of the file. Resolves with where each of them was read. */
async function addFolder(raw: Record<string, unknown>, base: string): Promise<SiteOrigin[]> {
  const { sitesFolder, sites = [] } = raw;
  // What is no text, and no list, validation reports.
  if (typeof sitesFolder !== 'string' || sitesFolder === '' || !Array.isArray(sites)) return [];
  const found = await readSitesFolder(resolve(base, sitesFolder), parseJson).catch((cause) => {
    throw cause instanceof SitesFolderError ? new ConfigError(cause.message, { cause }) : cause;
  });
  raw.sites = [...sites, ...found.sites];
  return found.origins;
}

// Only V8's message contains the position of the error.
function lineOf(text: string, { message }: Error): string {
  const position = /at position (\d+)/.exec(message)?.[1];
  return position === undefined ? '' : `:${text.slice(0, Number(position)).split('\n').length}`;
}

function typed(given: string | string[], type: 'path' | 'text' | 'number' | 'addresses'): unknown {
  if (type === 'addresses')
    return [given]
      .flat()
      .flatMap((each) => each.split(','))
      .map(withScheme);
  const text = String(given);
  if (type === 'path') return text === '-' ? text : resolve(text);
  return type === 'number' && text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

// An address without a scheme, HOST:PORT, means https.
function withScheme(address: string): string {
  return address.includes('://') || address.startsWith('unix:') ? address : `https://${address}`;
}

function set(target: Record<string, unknown>, setting: string, value: unknown): void {
  const [first = '', second] = setting.split('.');
  if (second === undefined) {
    target[first] = value;
    return;
  }
  const section = target[first] ?? {};
  // If the section is not an object, it stays as it is, and validation reports it.
  if (typeof section === 'object') target[first] = { ...section, [second]: value };
}

interface Origins {
  /** By setting: flags and environment variables. */
  origins: Map<string, string>;
  file: string;
  /** Where a site was read; undefined: in `file`. */
  inFile(site: number): SiteOrigin | undefined;
}

function fault(issue: z.core.$ZodIssue, raw: unknown, { origins, file, inFile }: Origins): string {
  const path = issue.path.map(String);
  const setting = [path.slice(0, 2).join('.'), path[0] ?? ''].find((each) => origins.has(each));
  const origin = setting === undefined ? file : origins.get(setting);
  const given = path.reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined)?.[key],
    raw,
  );
  const message = issue.message.replace(/\bsites\.(\d+)/g, (said, site: string) => {
    const its = inFile(Number(site));
    return its ? placeIn(its) : said;
  });
  const sentence = sentenceOf({ ...issue, message }, path, given);
  const its = path[0] === 'sites' ? inFile(Number(path[1])) : undefined;
  if (!its) return `${origin}: ${path.join('.') || 'configuration'}: ${sentence}`;
  const { index } = its;
  const within = [...(index === undefined ? [] : [String(index)]), ...path.slice(2)];
  return `${its.file}: ${within.join('.') || 'site'}: ${sentence}`;
}

function placeIn({ file, index }: SiteOrigin): string {
  return index === undefined ? file : `${file}: ${index}`;
}

function sentenceOf(issue: z.core.$ZodIssue, path: string[], given: unknown): string {
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => JSON.stringify(key)).join(', ');
    return `there is no setting ${keys}; 'sealgate config schema' lists those there are`;
  }
  if (issue.code === 'invalid_key') return `${issue.issues[0]?.message}, got ${JSON.stringify(path.at(-1))}`;
  const shown = jsonOf(withoutSecrets(path.at(-1) ?? '', given));
  const isLong = shown.length > shownCharacters;
  return `${expectationOf(issue)}, got ${isLong ? `${shown.slice(0, shownCharacters)}…` : shown}`;
}

/** Settings that name a file of a secret, for which somebody may have typed the secret itself. */
const namesOfSecrets =
  /^(?:credentials|proxyCredentials|password|token|accessKey|secretKey|secret|signingKey)$/;

function withoutSecrets(setting: string, value: unknown): unknown {
  if (namesOfSecrets.test(setting) && value !== undefined) return '(not shown)';
  if (typeof value !== 'string') return value;
  // A password may have slashes and @ in it, which is no URL, and is said.
  const [from, to] = [value.indexOf('//') + 2, value.lastIndexOf('@')];
  return from > 1 && to > from ? `${value.slice(0, from)}(not shown)${value.slice(to)}` : value;
}

// JSON.parse takes any depth, JSON.stringify does not.
function jsonOf(given: unknown): string {
  try {
    return JSON.stringify(given, withoutSecrets) ?? 'nothing';
  } catch (error) {
    if (error instanceof RangeError) return 'something nested too deeply to be shown';
    throw error;
  }
}

function withPaths(config: Config, base: string): Config {
  const optional = (path: string) => (path === '' ? '' : resolve(base, path));
  const pair = (given: { certificate: string; key: string; ocsp: string }) => ({
    certificate: resolve(base, given.certificate),
    key: resolve(base, given.key),
    ocsp: optional(given.ocsp),
  });
  return {
    ...config,
    store: resolve(base, config.store),
    tls: {
      ...config.tls,
      ...pair(config.tls),
      certificates: config.tls.certificates.map(pair),
      clients: { ...config.tls.clients, ca: optional(config.tls.clients.ca) },
    },
    log: { ...config.log, access: config.log.access === '-' ? '-' : optional(config.log.access) },
    listeners: config.listeners.map((each) => ({
      ...each,
      ...(each.path && { path: resolve(base, each.path) }),
    })),
    control: controlWithPaths(config, base),
    auth: { ...config.auth, tokens: resolve(base, config.auth.tokens) },
    ...(config.sitesFolder !== undefined && { sitesFolder: resolve(base, config.sitesFolder) }),
    purge: {
      ...config.purge,
      hooks: config.purge.hooks.map((hook) => ({
        ...hook,
        ...(hook.secret !== undefined && { secret: secretPath(hook.secret, base) }),
        ...(hook.signingKey !== undefined && { signingKey: secretPath(hook.signingKey, base) }),
      })),
    },
    upstreams: Object.fromEntries(
      Object.entries(config.upstreams).map(([name, upstream]) => [name, upstreamWithPaths(upstream, base)]),
    ),
    ...(config.sites && { sites: config.sites.map((site) => siteWithPaths(site, base)) }),
  };
}

function secretPath(path: string, base: string): string {
  return path.startsWith(credentialsFolder) ? path : resolve(base, path);
}

function upstreamWithPaths(upstream: UpstreamConfig, base: string): UpstreamConfig {
  const { ca, certificate, key, token, credentials, proxyCredentials, s3, registry } = upstream;
  return {
    ...upstream,
    ...(ca !== undefined && { ca: resolve(base, ca) }),
    ...(certificate !== undefined && { certificate: resolve(base, certificate) }),
    ...(key !== undefined && { key: secretPath(key, base) }),
    ...(token !== undefined && { token: secretPath(token, base) }),
    ...(credentials !== undefined && { credentials: secretPath(credentials, base) }),
    ...(proxyCredentials !== undefined && { proxyCredentials: secretPath(proxyCredentials, base) }),
    ...(registry?.credentials !== undefined && {
      registry: { ...registry, credentials: secretPath(registry.credentials, base) },
    }),
    ...(s3 && {
      s3: {
        ...s3,
        accessKey: secretPath(s3.accessKey, base),
        secretKey: secretPath(s3.secretKey, base),
      },
    }),
  };
}

function siteWithPaths(site: SiteConfig, base: string): SiteConfig {
  if (!site.signed) return site;
  const keys = site.signed.keys.map((key) => secretPath(key, base));
  return { ...site, signed: { ...site.signed, keys } };
}

function controlWithPaths({ control, tls }: Config, base: string): Config['control'] {
  const { listen } = control;
  return {
    ...control,
    listen: 'path' in listen ? { path: resolve(base, listen.path) } : listen,
    certificate: resolve(base, control.certificate || tls.certificate),
    key: resolve(base, control.key || tls.key),
    audit: resolve(base, control.audit),
  };
}
