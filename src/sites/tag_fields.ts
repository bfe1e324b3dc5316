// Tags of an answer, by which a CDN purges it: as Surrogate-Key has them (Fastly), with blanks between, and
// as Cache-Tag (Cloudflare), with commas.

import { maxTagFieldBytes, type TagField, tagFields } from '../config/site_rules.ts';
import type { ResponseField } from '../native/addon.ts';
import { tagsIn } from '../object_fields.ts';

const between: Record<TagField, string> = { 'Surrogate-Key': ' ', 'Cache-Tag': ',' };
const known = new Map(tagFields.map((name) => [name.toLowerCase(), name]));

/** @param tags as they are recorded. */
export function tagLines(fields: readonly TagField[] = [], tags = ''): ResponseField[] {
  return fields.map((name) => [name, tagsIn(tags).join(between[name])]);
}

/**
 * The fields with one line for each field of tags, because not every CDN reads a second one. As many tags as
 * CDNs read; those that come last are left out.
 */
export function withTagsJoined(fields: readonly ResponseField[]): readonly ResponseField[] {
  const lines = fields.flatMap(([name, value]) => {
    const field = known.get(name.toLowerCase());
    return field === undefined ? [] : [{ field, value }];
  });
  if (new Set(lines.map(({ field }) => field)).size === lines.length) return fields;
  const joined = tagFields.flatMap((field): ResponseField[] => {
    const its = lines.filter((line) => line.field === field);
    if (its.length === 0) return [];
    const tags = tagsIn(its.map(({ value }) => value).join(' '));
    return [[field, fitting(tags, between[field])]];
  });
  return [...fields.filter(([name]) => !known.has(name.toLowerCase())), ...joined];
}

function fitting(tags: readonly string[], separator: string): string {
  let text = '';
  for (const tag of tags) {
    const longer = text === '' ? tag : text + separator + tag;
    if (longer.length > maxTagFieldBytes) break;
    text = longer;
  }
  return text;
}
