// Why a connection could not be made, in plain words: browsers do not tell pages why an upgrade was refused.

const TIMEOUT_MS = 5000;

export async function refusalWords(hasCredential) {
  try {
    const response = await fetch(new URL('/ready', location.href), { signal: AbortSignal.timeout(TIMEOUT_MS), cache: 'no-store' });
    if (response.ok) {
      return hasCredential ? 'The server refused the connection. Check the API key, or sign in again.' : 'The server refused the connection. It may want an API key, or that you sign in.';
    }
    const text = (await response.text()).trim().slice(0, 200);
    return `The server is not ready yet${text && !text.startsWith('{') ? `: ${text}` : ''}.`;
  } catch {
    return 'The server cannot be reached. It may have been stopped, or the network is down.';
  }
}
