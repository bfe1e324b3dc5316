// Response fields of a site: those of security and isolation on every answer, and those of its rules by path.

import type { FieldRule, IsolationRule, SecurityRule } from '../config/site_rules.ts';
import type { SiteConfig } from '../config/sites.ts';
import type { ResponseField } from '../native/addon.ts';
import { type PathPattern, pathPattern } from '../path_pattern.ts';
import { withTagsJoined } from './tag_fields.ts';
import { keepingVary } from './vary.ts';

type Fields = readonly ResponseField[];
export interface Dress {
  /** The fields of an answer, from those that it has without the site. */
  (path: string | undefined, fields: Fields): Fields;
  /** The numbers of the rules that apply to a path, from 0 on. */
  rulesOf(path: string | undefined): number[];
}

export function siteFields({ security, isolation, cors, fields = [] }: Partial<SiteConfig>): Dress {
  const always = [...(security ? securityFields(security) : []), ...isolationFields(isolation ?? {})];
  const unwanted = security?.nosniff === false ? ['x-content-type-options'] : [];
  const rules = fields.map((rule) => ({ pattern: pathPattern(rule.match), rule }));
  const rulesOf = (path: string | undefined) => {
    // What is for all paths is for those, too, that mean nothing, and are refused.
    const isFor = ({ glob, matches }: PathPattern) =>
      path === undefined ? glob === '**' || glob === '/**' : matches(path);
    return [...rules.keys()].filter((at) => isFor((rules[at] as (typeof rules)[number]).pattern));
  };
  const byRules = (path: string | undefined, given: Fields) =>
    rulesOf(path).reduce<Fields>(
      (before, at) => byRule(before, (rules[at] as (typeof rules)[number]).rule),
      replaced(given, always, unwanted),
    );
  const dress = (path: string | undefined, given: Fields) =>
    keepingVary(given, (others) => byRules(path, others), cors);
  return Object.assign(dress, { rulesOf });
}

function byRule(before: Fields, { set, add, remove }: FieldRule): Fields {
  const removed = remove.map((name) => name.toLowerCase());
  return withTagsJoined([...replaced(before, Object.entries(set), removed), ...Object.entries(add)]);
}

/** @param removed names in lower case. */
function replaced(before: Fields, by: Fields, removed: readonly string[]): Fields {
  const gone = new Set([...removed, ...by.map(([name]) => name.toLowerCase())]);
  return gone.size === 0 ? before : [...before.filter(([name]) => !gone.has(name.toLowerCase())), ...by];
}

function securityFields(rule: SecurityRule): ResponseField[] {
  const { hsts } = rule;
  const transport = hsts && [
    `max-age=${hsts.maxAge}`,
    ...(hsts.includeSubDomains ? ['includeSubDomains'] : []),
    ...(hsts.preload ? ['preload'] : []),
  ];
  return said([
    ['X-Content-Type-Options', rule.nosniff ? 'nosniff' : undefined],
    ['Strict-Transport-Security', transport?.join('; ')],
    ['Content-Security-Policy', rule.contentSecurityPolicy],
    ['X-Frame-Options', rule.frameOptions],
    ['Referrer-Policy', rule.referrerPolicy],
    ['Permissions-Policy', rule.permissionsPolicy],
  ]);
}

function isolationFields({ resource, embedder, opener }: IsolationRule): ResponseField[] {
  return said([
    ['Cross-Origin-Resource-Policy', resource],
    ['Cross-Origin-Embedder-Policy', embedder],
    ['Cross-Origin-Opener-Policy', opener],
  ]);
}

function said(fields: [name: string, value: string | undefined][]): ResponseField[] {
  return fields.flatMap(([name, value]): ResponseField[] => (value === undefined ? [] : [[name, value]]));
}
