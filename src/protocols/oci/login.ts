// Login as Docker's clients do it. They send a password only after a challenge, and some ask `/v2/` for it
// alone: it is challenged also where everybody may pull. Where the site says its public URL, the challenge is
// to fetch a token there; the token that is given is the client's own, since it carries its scopes.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { respondJson } from '../../engine/plan.ts';
import { hasCode } from '../../errors.ts';
import type { ResponseField } from '../../native/addon.ts';
import { shownToken } from '../../sites/authorize.ts';
import { type Registry, type RegistryRoute, versionField } from './registry.ts';

/** What who shows no password gets where everybody may pull. It allows what no token allows as well. */
const anonymous = 'anonymous';
/** Seconds for which clients use a token; then they fetch it again. */
const tokenLasts = 300;

export function challengeOf({ site }: Registry, scope: string | undefined): ResponseField[] {
  const basic: ResponseField = ['WWW-Authenticate', 'Basic realm="sealgate", charset="UTF-8"'];
  if (site?.publicUrl === undefined) return [basic, versionField];
  const { publicUrl } = site;
  const wanted = scope === undefined ? '' : `,scope="${scope}"`;
  const service = new URL(publicUrl).host;
  return [
    ['WWW-Authenticate', `Bearer realm="${publicUrl}token",service="${service}"${wanted}`],
    versionField,
  ];
}

/** GET /v2/: whether the client is logged in. */
export function base(registry: Registry): RegistryRoute {
  return (request) => {
    checkLogin(registry, request);
    return respondJson(200, {}, [versionField, ['Cache-Control', 'no-store']]);
  };
}

/** GET /v2/token: a token for the password that is shown. */
export function giveToken(registry: Registry): RegistryRoute {
  return (request) => {
    const shown = request.headers.get('authorization');
    const isAnonymous = shown === null && registry.services.openReads;
    if (!isAnonymous) checkLogin(registry, request);
    const token = isAnonymous ? anonymous : (shownToken(shown) ?? anonymous);
    const about = { token, access_token: token, expires_in: tokenLasts, issued_at: new Date().toISOString() };
    return respondJson(200, about, [['Cache-Control', 'no-store']]);
  };
}

// A token without a scope of this bucket is a login, too: what it may not do is refused when it tries.
function checkLogin({ services, bucket }: Registry, request: EngineRequest): void {
  const { withTokens, authorize, openReads } = services;
  if (openReads && shownToken(request.headers.get('authorization')) === anonymous) return;
  try {
    (withTokens?.authorize ?? authorize)(request, 'read', bucket);
  } catch (error) {
    if (!hasCode(error, 'scope-missing')) throw error;
  }
}

/** The challenge of the token endpoint itself, which takes passwords alone. */
export const tokenChallenge: readonly ResponseField[] = [
  ['WWW-Authenticate', 'Basic realm="sealgate", charset="UTF-8"'],
];

/** Whom a token is for that a request needs, as clients ask the token endpoint. */
export function scopeOf(repository: string, method: string): string | undefined {
  if (repository === '') return undefined;
  const isRead = method === 'GET' || method === 'HEAD';
  const actions = isRead ? 'pull' : method === 'DELETE' ? 'delete' : 'pull,push';
  return `repository:${repository}:${actions}`;
}
