// Asking for a token: the small document that the token server of a registry answers with.

import { Fault } from './fault.ts';
import type { TokenAnswer, TokenTask } from './fetching.ts';
import { textOf } from './send.ts';
import { type Agents, sendTo } from './source.ts';

/** Seconds for which a token is used whose server does not say it. */
const usualSeconds = 60;
const longestToken = 16 * 1024;

export async function askToken(task: TokenTask, agents: Agents, signal: AbortSignal): Promise<TokenAnswer> {
  try {
    return await asked(task, agents, signal);
  } catch (error) {
    const why = error instanceof Fault ? error : new Fault('refused', String(error));
    const { fault, message, denied } = why;
    return { kind: 'failed', fault, message: `no token: ${message}`, denied };
  }
}

async function asked(
  { url, authorization, speaking }: TokenTask,
  agents: Agents,
  signal: AbortSignal,
): Promise<TokenAnswer> {
  const fields = { accept: 'application/json', ...(authorization !== undefined && { authorization }) };
  const response = await sendTo(url, fields, { method: 'GET' }, { speaking, agents, signal });
  const text = await textOf(response, speaking.idleMs);
  const { statusCode: status = 0 } = response;
  if (status !== 200) {
    const passes = status === 429 || status >= 500;
    // 401 says that it wants credentials, or others.
    const denied = status === 403;
    throw new Fault(passes ? 'status' : 'refused', `its token server answered ${status}`, { denied });
  }
  const { token, access_token: other, expires_in: seconds } = documentIn(text);
  const found = typeof token === 'string' && token !== '' ? token : other;
  if (typeof found !== 'string' || !/^[!-~]+$/.test(found) || found.length > longestToken)
    throw new Fault('refused', 'its token server sent no token');
  return { kind: 'token', token: found, seconds: typeof seconds === 'number' ? seconds : usualSeconds };
}

function documentIn(text: string): Record<string, unknown> {
  try {
    const found = JSON.parse(text);
    if (typeof found === 'object' && found !== null) return found;
  } catch {
    // Said below, as of other documents that are none.
  }
  throw new Fault('refused', 'its token server sent no JSON object');
}
