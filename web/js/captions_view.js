// Draws the captions: one list item an entry, one span a word of a reply, so that lighting up a word touches only that word.
import { element } from './dom.js';
import { drawWaterfall } from './waterfall_view.js';
import { breakdown, sharedScale } from './waterfall.js';

const NEAR_END_PX = 48;

export class CaptionsView {
  /** `spoken` is a visually hidden live region: whole sentences are announced there, not every word as it comes. */
  constructor({ list, empty, spoken, latest, captions, cloneName }) {
    Object.assign(this, { list, empty, spoken, latest, captions, cloneName });
    this.box = list.parentElement;
    this.following = true; // until the reader scrolls back
    this.top = 0;
    this.box.addEventListener('scroll', () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.follow()).observe(this.box); // a phone's keyboard, an opened drawer
    latest.addEventListener('click', () => this.toLatest());
    this.nodes = new Map();
    this.dirty = new Set();
    this.scheduled = false;
  }

  /** Draws the entry with the next frame. */
  changed(entry) {
    this.dirty.add(entry);
    if (this.scheduled) return;
    this.scheduled = true;
    // A page in the background gets no animation frames, but its captions must not fall behind.
    if (document.hidden) queueMicrotask(() => this.draw());
    else requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.scheduled = false;
    const entries = this.captions.visible();
    const shown = new Set(entries);
    for (const [entry, node] of this.nodes) {
      if (shown.has(entry)) continue;
      node.root.remove();
      this.nodes.delete(entry);
    }
    let place = this.list.firstElementChild;
    for (const entry of entries) {
      const node = this.nodes.get(entry) ?? this.make(entry);
      if (node.root === place) place = place.nextElementSibling;
      else this.list.insertBefore(node.root, place);
      if (this.dirty.has(entry)) this.drawEntry(entry, node);
    }
    if ([...this.dirty].some((entry) => entry.turn)) this.drawWaterfalls(entries);
    this.dirty.clear();
    this.empty.hidden = entries.length > 0;
    this.follow();
  }

  // Only moving back stops the following: a box that shrinks, as for a phone's keyboard, is further from its end without having moved.
  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.box;
    if (scrollHeight - scrollTop - clientHeight < NEAR_END_PX) this.following = true;
    else if (scrollTop < this.top) this.following = false;
    this.top = scrollTop;
    this.latest.hidden = this.following;
  }

  follow() {
    if (!this.following) return;
    this.box.scrollTop = this.box.scrollHeight;
    this.top = this.box.scrollTop;
  }

  toLatest() {
    this.following = true;
    this.latest.hidden = true;
    this.follow();
    this.box.focus(); // the button is gone, and the arrow keys should go on from here
  }

  make(entry) {
    const root = element('li', `entry ${entry.side}`);
    const who = element('p', 'who', entry.side === 'user' ? 'You' : this.cloneName());
    const body = element('div', 'body');
    const text = element('p', 'text');
    body.append(text);
    root.append(who, body);
    const node = { root, body, text, spans: [], tokens: [], announced: false };
    this.nodes.set(entry, node);
    this.dirty.add(entry);
    return node;
  }

  drawEntry(entry, node) {
    if (entry.side === 'user') this.drawUser(entry, node);
    else this.drawReply(entry, node);
    this.announce(entry, node);
  }

  drawUser(entry, node) {
    node.root.classList.toggle('partial', !entry.final);
    node.text.textContent = entry.text || '…';
  }

  drawReply(entry, node) {
    const { tokens } = entry;
    let same = 0;
    while (same < tokens.length && tokens[same] === node.tokens[same]) same++;
    for (const span of node.spans.splice(same)) {
      span.nextSibling?.remove();
      span.remove();
    }
    for (let i = same; i < tokens.length; i++) {
      const span = element('span', 'word', tokens[i].trim());
      node.spans.push(span);
      node.text.append(span, ' '); // outside the span, so that no line hangs over the end of a row
    }
    node.tokens = [...tokens];
    const cutAt = entry.heard;
    const untimed = entry.times.length === 0;
    for (const [i, span] of node.spans.entries()) {
      const unheard = cutAt !== null && i >= cutAt;
      const begun = cutAt === null && ((untimed && entry.audible) || entry.finished || i < entry.begun);
      span.className = unheard ? 'word unheard' : begun || cutAt !== null ? 'word begun' : 'word';
      if (i === entry.sounding) span.classList.add('sounding');
    }
    this.drawNotes(entry, node);
  }

  drawNotes(entry, node) {
    node.notes?.remove();
    node.notes = null;
    const notes = element('p', 'notes');
    if (entry.interrupted) notes.append(element('span', 'tag', entry.heard === 0 ? 'interrupted before it was heard' : 'interrupted'));
    if (entry.failed) notes.append(element('span', 'tag', 'failed'));
    if (entry.sources.length) notes.append(element('span', 'sources', `From ${entry.sources.join(', ')}`));
    if (!notes.childElementCount) return;
    node.notes = notes;
    node.text.after(notes);
  }

  // To a screen reader an interrupted reply is what was heard of it.
  announce(entry, node) {
    const ended = entry.side === 'user' ? entry.final : entry.finished || entry.turn || entry.heard !== null;
    if (node.announced || !ended || !entry.text.trim()) return;
    node.announced = true;
    const who = entry.side === 'user' ? 'You' : this.cloneName();
    const words = entry.heard === null ? entry.text : `${entry.tokens.slice(0, entry.heard).join('')} (interrupted)`;
    this.spoken.append(element('p', '', `${who}: ${words}`));
    while (this.spoken.childElementCount > 6) this.spoken.firstElementChild.remove();
  }

  drawWaterfalls(entries) {
    const withTurn = entries.filter((entry) => entry.turn).map((entry) => ({ entry, parts: breakdown(entry.turn) })).filter(({ parts }) => parts);
    const scale = sharedScale(withTurn.map(({ parts }) => parts));
    for (const { entry, parts } of withTurn) {
      const node = this.nodes.get(entry);
      const shown = JSON.stringify([parts, scale]);
      if (node.measured === shown) continue;
      node.measured = shown;
      const figure = drawWaterfall(parts, scale);
      if (node.figure) node.figure.replaceWith(figure);
      else node.body.append(figure);
      node.figure = figure;
    }
  }
}
