// Describing: HEAD of an object that is not here, or not fresh, asks the upstreams by HEAD. Nothing is
// fetched or stored for it; absence, failures and limits count as they do for a fetch.

import { keyOf } from '../../objects/found.ts';
import { encodedPath } from '../../redirects.ts';
import type { UpstreamHead } from '../../upstream/fetching.ts';
import type { Described } from '../../upstream/heads.ts';
import { validatorsOf } from '../../upstream/keeping.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { absent, failed, flightOf, type Missing } from './filling.ts';
import type { Mirror } from './mirror.ts';
import { failure, freshFor, isDenied, promisedBy, unusable } from './offered.ts';

export function described(mirror: Mirror, missing: Missing): Promise<Described> {
  const key = flightOf(mirror, missing.at);
  const known = mirror.shared.heads.of(key, Date.now());
  if (known) return Promise.resolve({ kind: 'told', told: known });
  return mirror.shared.heads.join(key, () => inOrder(mirror, missing, key));
}

async function inOrder(mirror: Mirror, missing: Missing, key: string): Promise<Described> {
  try {
    for (const upstream of mirror.upstreams()) {
      const said = await ask(mirror, missing, upstream);
      if (said === 'absent') continue;
      if (said === 'not-modified' || said === 'no-head') return { kind: said };
      const until = Date.now() + freshFor(missing.rule, said) * 1000;
      const told = { upstream: upstream.name, head: said, until };
      mirror.shared.heads.keep(key, told);
      return { kind: 'told', told };
    }
  } catch (error) {
    return failed(mirror, missing.at, error);
  }
  return absent(mirror, missing.at);
}

async function ask(
  mirror: Mirror,
  { at, name, rule, source, current }: Missing,
  upstream: Upstream,
): Promise<UpstreamHead | 'absent' | 'not-modified' | 'no-head'> {
  const validators = current && validatorsOf(upstream.name, current.fields);
  const fetched = await upstream.fetch({
    ...{ path: encodedPath(name), ...source, validators, method: 'HEAD', provable: true },
    take: () => undefined,
    signal: mirror.shared.signal,
  });
  if (fetched.kind === 'absent' || isDenied(fetched, upstream.name, current)) return 'absent';
  if (fetched.kind === 'failed') throw failure(fetched);
  const { head } = fetched;
  if (fetched.kind === 'described' && head.status !== 200) return 'no-head';
  // Some servers compare no validators for HEAD.
  const isSame = validators?.etag !== undefined && head.fields.etag === validators.etag;
  if (fetched.kind === 'not-modified' || isSame) {
    mirror.freshness.keep(keyOf(at), Date.now() + freshFor(rule, head) * 1000);
    return 'not-modified';
  }
  check(mirror, rule?.sha256, head);
  return head;
}

/** Throws what a fetch of it would be refused with before its first byte. */
function check({ services }: Mirror, sha256: string | undefined, head: UpstreamHead): void {
  const { digest } = promisedBy(head);
  if (sha256 !== undefined && digest !== undefined && digest !== sha256)
    throw unusable(`The upstream says that it has SHA-256 ${digest}, and the name says ${sha256}.`);
  const most = services.objects.mostBytes();
  const size = Number(head.fields['content-length'] ?? 0);
  if (size > most) throw unusable(`The object has ${size} bytes, and ${most} are the most here.`);
}
