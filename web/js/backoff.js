// How long to wait before the next attempt to reconnect: doubling, capped, with jitter so that many pages do not return at once. Pure.

export const ATTEMPTS_MAX = 8;
const FIRST_MS = 1000;
const LONGEST_MS = 20000;

/** The first attempt after a connection was lost whose conversation waits: people hear every moment. */
export const RESUME_MS = 250;

/** `attempt` counts from 0; `random` in [0, 1). Null when it is time to give up. */
export function retryDelayMs(attempt, random = Math.random()) {
  if (attempt >= ATTEMPTS_MAX) return null;
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  return Math.round(full * (0.75 + 0.25 * random));
}
