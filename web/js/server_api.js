// The few HTTP calls of the page.

const TIMEOUT_MS = 5000;

async function getJson(path, apiKey) {
  const headers = apiKey ? { Authorization: `Bearer ${apiKey}` } : {};
  const response = await fetch(new URL(path, location.href), { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(body.error?.message ?? `status ${response.status}`), { status: response.status });
  return body;
}

/** [{id, name, greeting, voice: {provider, id}}] */
export async function listClones(apiKey) {
  return (await getJson('/api/v1/echo', apiKey)).echos ?? [];
}

/** [{provider, id, description}] */
export async function listVoices(apiKey) {
  return (await getJson('/api/v1/voices', apiKey)).voices ?? [];
}

/** Why a connection could not be made, in plain words: browsers do not tell pages why an upgrade was refused. */
export async function refusalWords(apiKey) {
  try {
    const response = await fetch(new URL('/ready', location.href), { signal: AbortSignal.timeout(TIMEOUT_MS), cache: 'no-store' });
    if (response.ok) {
      return apiKey ? 'The server refused the connection. Check the API key.' : 'The server refused the connection. It may want an API key.';
    }
    const text = (await response.text()).trim().slice(0, 200);
    return `The server is not ready yet${text && !text.startsWith('{') ? `: ${text}` : ''}.`;
  } catch {
    return 'The server cannot be reached. It may have been stopped, or the network is down.';
  }
}
