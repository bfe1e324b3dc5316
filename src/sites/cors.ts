// Cross-origin resource sharing of a site (Fetch standard, 3.2). The engine compares origins and adds what
// depends on them to every answer of the site (native/server/cors.h); what a browser asks before is
// answered here.

import type { CorsRule } from '../config/site_rules.ts';
import type { EngineRequest } from '../engine/engine_request.ts';
import { respond } from '../engine/plan.ts';
import type { EngineCors, RespondPlan, ResponseField } from '../native/addon.ts';

/** Characters of Access-Control-Request-Headers: more than a script's own fields have. */
const maxAskedCharacters = 4096;

export function engineCors({ origins, credentials, exposed, timing }: CorsRule): EngineCors {
  const any = origins.includes('*');
  const echoed = ['Access-Control-Allow-Origin', ...(timing ? ['Timing-Allow-Origin'] : [])];
  const fields: ResponseField[] = [];
  if (any) fields.push(...echoed.map((name): ResponseField => [name, '*']));
  if (credentials) fields.push(['Access-Control-Allow-Credentials', 'true']);
  if (exposed.length > 0) fields.push(['Access-Control-Expose-Headers', exposed.join(', ')]);
  return any ? { any, origins: [], echoed: [], fields } : { any, origins, echoed, fields };
}

/** The answer to a preflight; undefined: the request is none. */
export function preflight(rule: CorsRule, { method, headers }: EngineRequest): RespondPlan | undefined {
  if (method !== 'OPTIONS' || headers.get('access-control-request-method') === null) return undefined;
  const fields: ResponseField[] = [
    ['Access-Control-Allow-Methods', rule.methods.join(', ')],
    ['Access-Control-Max-Age', String(rule.maxAge)],
  ];
  const asked = headers.get('access-control-request-headers') ?? '';
  const allowed = rule.headers.includes('*') ? asked : rule.headers.join(', ');
  if (isFieldNames(allowed)) fields.push(['Access-Control-Allow-Headers', allowed]);
  if (rule.privateNetwork && headers.get('access-control-request-private-network') === 'true')
    fields.push(['Access-Control-Allow-Private-Network', 'true']);
  return respond(204, fields);
}

function isFieldNames(list: string): boolean {
  return list !== '' && list.length <= maxAskedCharacters && /^[!#$%&'*+.^`|~\w, -]+$/.test(list);
}
