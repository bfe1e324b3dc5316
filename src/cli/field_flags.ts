// The flags that say which fields are recorded of an object, and how they are shown.

import { type Command, Option } from 'commander';
import { SealgateError } from '../errors.ts';
import { checkedMediaType } from '../media_type.ts';
import {
  allFields,
  checkedFields,
  type GivenFields,
  metaPrefix,
  type ObjectFields,
  type Said,
} from '../object_fields.ts';
import { type Expiry, timeToLiveIn } from '../store/time_to_live.ts';
import { UsageError } from './say.ts';

export interface FieldOptions {
  type?: string;
  contentEncoding?: string;
  contentLanguage?: string;
  contentDisposition?: string;
  cacheControl?: string;
  tags?: string;
  meta?: string[];
}

export function withFields(command: Command): Command {
  const several = (text: string, before: string[] | undefined) => [...(before ?? []), text];
  return command
    .option('--type <media-type>', 'media type (default: by the file extension)')
    .option('--cache-control <directives>', "its answers' Cache-Control (default: by the kind of the bucket)")
    .option('--content-encoding <codings>', 'the coding that the file has: gzip, br, zstd, deflate')
    .option('--content-language <tags>', 'the languages of its readers')
    .option('--content-disposition <value>', 'as \'attachment; filename="a.txt"\'')
    .option('--tags <tags>', 'what a CDN purges it by (Surrogate-Key), with blanks or commas between')
    .addOption(new Option('--meta <name=value>', 'a field of your own; may be repeated').argParser(several));
}

/** Adds the flag that says when objects end. */
export function withExpiry(command: Command): Command {
  return command.option('--expires <time>', 'delete it so long after it was stored: 90s, 30m, 12h, 7d');
}

/** Undefined: the flag was not given. Throws UsageError. */
export function expiryFlag({ expires }: { expires?: string }): Expiry | undefined {
  if (expires === undefined) return undefined;
  const seconds = timeToLiveIn(expires);
  if (seconds !== undefined) return { after: seconds * 1000 };
  const shown = expires.slice(0, 60);
  throw new UsageError(`--expires: expected a time as 90s, 30m, 12h or 7d, up to 100 years, got '${shown}'`);
}

/** What the flags say. Throws UsageError. */
export function saidFlags({ type, ...options }: FieldOptions): Said {
  return { mediaType: type === undefined ? undefined : typeFlag(type), fields: fieldFlags(options) };
}

function typeFlag(given: string): string {
  try {
    return checkedMediaType(given);
  } catch (cause) {
    const shown = JSON.stringify(given.slice(0, 100));
    throw new UsageError(`--type: expected a media type like text/html, got ${shown}`, { cause });
  }
}

/** Undefined: no flag was given. */
function fieldFlags({ meta, ...options }: Omit<FieldOptions, 'type'>): ObjectFields | undefined {
  const given: GivenFields = {
    contentEncoding: options.contentEncoding,
    contentLanguage: options.contentLanguage,
    contentDisposition: options.contentDisposition,
    cacheControl: options.cacheControl,
    surrogateKey: options.tags,
    meta: meta && metaFlags(meta),
  };
  if (Object.values(given).every((value) => value === undefined)) return undefined;
  try {
    return checkedFields(given);
  } catch (cause) {
    if (cause instanceof SealgateError) throw new UsageError(cause.message, { cause });
    throw cause;
  }
}

function metaFlags(given: string[]): Record<string, string> {
  const pairs = given.map((text): [string, string] => {
    const equals = text.indexOf('=');
    if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
    throw new UsageError(`--meta: expected NAME=VALUE, got '${text.slice(0, 60)}'`);
  });
  const twice = pairs.find(([name], at) => pairs.findIndex(([other]) => other === name) !== at);
  if (twice) throw new UsageError(`--meta: ${twice[0].slice(0, 60)} is given twice`);
  return Object.fromEntries(pairs);
}

/** A line for each field: its name and value. */
export function fieldLines(fields: ObjectFields): [name: string, value: string][] {
  return allFields(fields).map(([name, value]) => {
    const shown = name.startsWith(metaPrefix) ? `meta ${name.slice(metaPrefix.length)}` : name.toLowerCase();
    return [shown, value];
  });
}
