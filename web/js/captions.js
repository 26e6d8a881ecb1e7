// The conversation as the page shows it: who said what, which words have sounded, what was cut off. Pure; captions_view.js draws it.
import { countHeard, heardAt, spokenAt, timeTokens, tokenize } from './alignment.js';

const ENTRIES_MAX = 400;

/**
 * An entry: {id, side: "user"|"clone", text, final, tokens, times, begun, sounding, heard, audible, finished, interrupted, failed, turn,
 * turnIndex, sources}. begun: leading tokens that have sounded; heard: null, or how many tokens were heard when it was cut; audible: it
 * has begun to sound, or is a reply in writing.
 */
export class Captions {
  constructor(onChange = () => {}) {
    this.entries = [];
    this.byId = new Map();
    this.session = 0; // turn numbers start again with each
    this.turnIndex = null;
    this.pendingSources = new Map();
    this.onChange = onChange;
  }

  startSession() {
    this.session++;
    this.turnIndex = null;
    this.pendingSources.clear();
  }

  visible() {
    return this.entries.filter((entry) => entry.text.trim() !== '' || (entry.side === 'user' && !entry.final));
  }

  /** The item exists from now on, after `previousId` when that is known. */
  open(id, side, previousId) {
    const known = this.byId.get(id);
    if (known) return known;
    const entry = {
      id, side, text: '', final: false, tokens: [], words: [], times: [], begun: 0, sounding: -1,
      heard: null, audible: false, finished: false, interrupted: false, failed: false, turn: null, session: this.session, turnIndex: this.turnIndex, sources: [],
    };
    const previous = previousId ? this.byId.get(previousId) : null;
    const at = previous ? this.entries.indexOf(previous) + 1 : this.entries.length;
    this.entries.splice(at, 0, entry);
    this.byId.set(id, entry);
    while (this.entries.length > ENTRIES_MAX) this.byId.delete(this.entries.shift().id);
    if (side === 'clone' && this.pendingSources.has(this.turnIndex)) {
      entry.sources = this.pendingSources.get(this.turnIndex);
      this.pendingSources.delete(this.turnIndex);
    }
    this.onChange(entry);
    return entry;
  }

  append(id, side, delta) {
    const entry = this.open(id, side);
    if (!entry.final) this.setText(entry, entry.text + delta);
  }

  /** A piece of a reply in writing: nothing will sound, so it counts as soon as it is there. */
  write(id, delta) {
    this.open(id, 'clone').audible = true;
    this.append(id, 'clone', delta);
  }

  /** The authoritative text; empty means that there was nothing after all. */
  complete(id, side, text) {
    const entry = this.open(id, side);
    entry.final = true;
    this.setText(entry, text);
  }

  setText(entry, text) {
    entry.text = text;
    entry.tokens = tokenize(text);
    this.retime(entry);
  }

  /** Word times come in pieces, before or after their text. `words`: [{text, start_ms, end_ms}]. */
  align(id, words) {
    const entry = this.open(id, 'clone');
    for (const word of words) entry.words.push({ text: word.text, startMs: word.start_ms, endMs: word.end_ms });
    this.retime(entry);
  }

  retime(entry) {
    entry.times = entry.words.length ? timeTokens(entry.tokens, entry.words) : [];
    if (entry.finished && entry.heard === null) entry.begun = entry.tokens.length;
    this.onChange(entry);
  }

  /** Playback of the item has come to `playedMs`. */
  played(id, playedMs) {
    const entry = this.byId.get(id);
    if (!entry || entry.heard !== null || entry.finished) return;
    if (!entry.audible) {
      entry.audible = true;
      this.onChange(entry);
    }
    if (entry.times.length === 0) return;
    const { begun, sounding } = spokenAt(entry.times, playedMs);
    if (begun === entry.begun && sounding === entry.sounding) return;
    entry.begun = Math.max(entry.begun, begun);
    entry.sounding = sounding;
    this.onChange(entry);
  }

  /** All of the item's audio has been played. */
  playedOut(id) {
    const entry = this.byId.get(id);
    if (!entry || entry.heard !== null) return;
    entry.audible = true;
    entry.finished = true;
    entry.begun = entry.tokens.length;
    entry.sounding = -1;
    this.onChange(entry);
  }

  /** Playback of the item was cut at `playedMs`. The server's account in `recordTurn` replaces this one. */
  cut(id, playedMs) {
    const entry = this.byId.get(id);
    if (!entry) return;
    entry.heard = heardAt(entry.times, playedMs);
    entry.begun = entry.heard;
    entry.sounding = -1;
    entry.interrupted = true;
    this.onChange(entry);
  }

  /** The response that made the item ended: status of response.done. */
  responseEnded(id, status) {
    const entry = this.byId.get(id);
    if (!entry) return;
    entry.final = true;
    if (status === 'failed') entry.failed = true;
    if (status === 'cancelled' && !entry.audible && entry.heard === null) {
      entry.heard = 0;
      entry.interrupted = true;
    }
    this.onChange(entry);
  }

  /** Speech that came to nothing leaves no empty line. */
  dropUnsaid() {
    for (const entry of this.entries) {
      if (entry.side !== 'user' || entry.final || entry.text !== '') continue;
      entry.final = true;
      this.onChange(entry);
    }
  }

  /** The connection is gone: nothing more will come for what is open. */
  abandon() {
    this.dropUnsaid();
    for (const entry of this.entries) {
      if (entry.final && (entry.finished || entry.heard !== null)) continue;
      entry.final = true;
      entry.sounding = -1;
      if (entry.side === 'clone' && !entry.finished && entry.heard === null && entry.times.length) {
        entry.heard = entry.begun;
        entry.interrupted = true;
      }
      this.onChange(entry);
    }
  }

  setTurnIndex(index) {
    if (Number.isInteger(index)) this.turnIndex = index;
  }

  setSources(turnIndex, passages) {
    const names = [...new Set(passages.map((passage) => passage.filename).filter(Boolean))];
    const entry = this.entries.findLast((candidate) => candidate.side === 'clone' && candidate.turnIndex === turnIndex);
    if (!entry) {
      this.pendingSources.set(turnIndex, names);
      return;
    }
    entry.sources = names;
    this.onChange(entry);
  }

  /** The server's row of the turn: shown with the reply it belongs to. Returns that entry, or null when there is none. */
  recordTurn(turn) {
    const entry = this.entryOfTurn(turn);
    if (!entry) return null;
    entry.turn = turn;
    entry.final = true;
    if (entry.side === 'clone') this.applyOutcome(entry, turn);
    this.onChange(entry);
    return entry;
  }

  applyOutcome(entry, turn) {
    entry.failed = turn.status === 'failed';
    if (turn.status === 'interrupted' || turn.status === 'cancelled') {
      entry.heard = countHeard(entry.tokens, turn.heard_response ?? '');
      entry.interrupted = true;
      entry.begun = entry.heard;
      entry.sounding = -1;
    } else if (turn.status === 'completed') {
      entry.interrupted = false;
      entry.heard = null;
      this.playedOut(entry.id);
    }
  }

  // The row does not name its item. A revised row belongs where the earlier one stands; else the same text decides, then the turn's
  // number, then age.
  entryOfTurn(turn) {
    const entries = this.entries.filter((entry) => entry.session === this.session);
    const revised = entries.find((entry) => entry.turn?.turn_index === turn.turn_index);
    if (revised) return revised;
    const replies = entries.filter((entry) => entry.side === 'clone' && !entry.turn && entry.text.trim() !== '');
    const same = (a, b) => a.replace(/\s+/g, ' ').trim() === b.replace(/\s+/g, ' ').trim();
    if ((turn.llm_response ?? '').trim() === '') {
      const users = entries.filter((entry) => entry.side === 'user' && !entry.turn);
      return users.find((entry) => same(entry.text, turn.user_transcript ?? '')) ?? null;
    }
    return replies.find((entry) => same(entry.text, turn.llm_response))
      ?? replies.find((entry) => entry.turnIndex === turn.turn_index) ?? replies[0] ?? null;
  }
}
