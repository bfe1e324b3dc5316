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
  return answer(await fetch(path, { headers: headers() }));
}

export async function post(path, body) {
  return answer(await fetch(path, { method: 'POST', headers: headers(), body: JSON.stringify(body) }));
}

function headers() {
  const token = sessionStorage.getItem(key);
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

async function answer(response) {
  if (response.status === 401) {
    const had = sessionStorage.getItem(key) !== null;
    sessionStorage.removeItem(key);
    throw new TokenNeeded(had ? 'The server does not know this token.' : '');
  }
  const json = await response.json();
  if (!response.ok) throw new Error(json.detail ?? `${response.status}`);
  return json;
}
