// CMSD (CTA-5006): what a video site says of an object beside its bytes, for caches and players. It is what
// the name tells, the same in each answer: a part of the plan.

import type { Handle } from '../engine/bridge.ts';
import type { Answer } from '../engine/plan.ts';
import { streamingName } from '../streaming_names.ts';
import { isVideoSite } from '../video_site.ts';
import type { Mount } from './mount.ts';

/** The application of a mount; that of a video site says CMSD-Static with what it delivers. */
export function withCmsd(handle: Handle, { site }: Mount): Handle {
  if (!site || !isVideoSite(site)) return handle;
  const isLive = site.protocol === 'live';
  return (request) => {
    const value = staticData(request.path, isLive);
    if (value === undefined) return handle(request);
    const answer = handle(request);
    return answer instanceof Promise ? answer.then((each) => saying(each, value)) : saying(answer, value);
  };
}

/** An answer about the object. What has a status is a page in its place. */
function saying(answer: Answer, value: string): Answer {
  if (answer.kind === 'receive' || answer.kind === 'respond' || answer.kind === 'wait') return answer;
  if (answer.kind !== 'follow' && answer.status !== undefined) return answer;
  return { ...answer, fields: [...answer.fields, ['CMSD-Static', value]] };
}

/** A dictionary (RFC 9651) of tokens, by its keys in order. Undefined: the name tells nothing. */
function staticData(path: string, isLive: boolean): string | undefined {
  const found = streamingName(path);
  if (!found) return undefined;
  const { object: ot, format: sf } = found;
  const said = Object.entries({ ot, sf, st: isLive ? 'l' : undefined });
  const told = said.flatMap(([key, token]) => (token === undefined ? [] : [`${key}=${token}`]));
  return told.length > 0 ? told.join(',') : undefined;
}
