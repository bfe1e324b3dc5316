// What the page asks the control plane. A token is kept in this tab's session alone and goes in the
// Authorization field, never in a cookie.

const key = 'sealgate-token';

/** The server wants a token, or does not know the one it got. */
export class TokenNeeded extends Error {}

export function setToken(token) {
  sessionStorage.setItem(key, token);
}

/** The answer's JSON. Throws TokenNeeded, or an Error with what the server said. */
export async function get(path) {
  return ask(path, {});
}

export async function post(path, body) {
  return ask(path, { method: 'POST', body: JSON.stringify(body) });
}

async function ask(path, request) {
  const token = sessionStorage.getItem(key);
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  const response = await fetch(path, { ...request, headers });
  if (response.status === 401) {
    // Another token may have been typed since: several requests go at once, and some are refused later.
    if (sessionStorage.getItem(key) === token) sessionStorage.removeItem(key);
    throw new TokenNeeded(token === null ? '' : 'The server does not know this token.');
  }
  const json = await response.json();
  if (!response.ok) throw new Error(json.detail ?? `${response.status}`);
  return json;
}
