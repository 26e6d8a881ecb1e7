// Which words of a reply have been spoken: matches the server's word times to the words on the page. Pure.

// How far ahead a word may be looked for before its time is given up as belonging to none of the words shown.
const LOOKAHEAD_WORDS = 6;

/** Splits into tokens that keep their trailing white space, so that joining them gives the text back. */
export function tokenize(text) {
  return text.match(/\s*\S+\s*/g) ?? [];
}

function bare(text) {
  return text.toLowerCase().normalize('NFKD').replace(/[^\p{L}\p{N}]+/gu, '');
}

/**
 * Times for tokens: [{startMs, endMs} | null], in order. `words` is the alignment in order: [{text, startMs, endMs}].
 * A token between two timed ones gets the time between them; tokens after the last timed one get null.
 */
export function timeTokens(tokens, words) {
  const times = new Array(tokens.length).fill(null);
  let next = 0;
  for (const word of words) {
    const parts = tokenize(word.text).map(bare).filter(Boolean);
    for (const [index, part] of parts.entries()) {
      const found = find(tokens, next, part);
      if (found < 0) continue;
      const span = (word.endMs - word.startMs) / parts.length;
      times[found] = { startMs: word.startMs + span * index, endMs: word.startMs + span * (index + 1) };
      next = found + 1;
    }
  }
  fillGaps(times);
  return times;
}

function find(tokens, from, part) {
  const until = Math.min(tokens.length, from + LOOKAHEAD_WORDS);
  for (let i = from; i < until; i++) if (bare(tokens[i]) === part) return i;
  return -1;
}

function fillGaps(times) {
  let previousEnd = 0;
  for (let i = 0; i < times.length; i++) {
    if (times[i]) {
      previousEnd = times[i].endMs;
      continue;
    }
    let after = i;
    while (after < times.length && !times[after]) after++;
    if (after === times.length) return;
    const step = Math.max(0, times[after].startMs - previousEnd) / (after - i);
    for (let j = i; j < after; j++) times[j] = { startMs: previousEnd + step * (j - i), endMs: previousEnd + step * (j - i + 1) };
    i = after - 1;
  }
}

/** How many leading tokens have begun at `playedMs`, and which one sounds now (-1: none). */
export function spokenAt(times, playedMs) {
  let begun = 0;
  while (begun < times.length && times[begun] && times[begun].startMs <= playedMs) begun++;
  const sounding = begun > 0 && times[begun - 1].endMs > playedMs ? begun - 1 : -1;
  return { begun, sounding };
}

/** How many leading tokens were heard when playback was cut at `playedMs`: a word counts when its middle was played. */
export function heardAt(times, playedMs) {
  let heard = 0;
  while (heard < times.length && times[heard] && (times[heard].startMs + times[heard].endMs) / 2 <= playedMs) heard++;
  return heard;
}

/** How many leading tokens make up `heardText`, which the server says was heard. */
export function countHeard(tokens, heardText) {
  const heard = tokenize(heardText).map(bare).filter(Boolean);
  let count = 0, matched = 0;
  while (count < tokens.length && matched < heard.length) {
    const token = bare(tokens[count]);
    if (token && token !== heard[matched]) break;
    if (token) matched++;
    count++;
  }
  // Punctuation that stands alone belongs to the word before it.
  while (count > 0 && count < tokens.length && !bare(tokens[count])) count++;
  return count;
}
