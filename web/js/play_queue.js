// The speaker's queue: audio of items in order, played without gaps, with an exact count of what was played of each.
// Pure; the playback worklet runs it. Units: samples at the queue's rate. One thread.

const JITTER_MS = 60; // collected before an item starts, and again after it ran dry
const FADE_MS = 5; // a cut fades this fast, so that it does not click
const QUEUE_MS_MAX = 60000; // more than this is a broken server; the newest is dropped
const SILENCE = 1e-3; // about -60 dB

export class PlayQueue {
  constructor(rateHz) {
    this.rateHz = rateHz;
    this.jitterSamples = Math.round((JITTER_MS * rateHz) / 1000);
    this.fadeSamples = Math.round((FADE_MS * rateHz) / 1000);
    this.samplesMax = Math.round((QUEUE_MS_MAX * rateHz) / 1000);
    this.items = []; // {id, chunks, buffered, played, ended}
    this.buffered = 0;
    this.primed = false;
    this.fade = null;
    this.finished = []; // {itemId, played} for the owner to take
    this.playedTotal = 0;
    this.nonSilentTotal = 0;
    this.droppedTotal = 0;
    this.underruns = 0;
  }

  push(itemId, samples) {
    if (samples.length === 0) return;
    if (this.buffered + samples.length > this.samplesMax) {
      this.droppedTotal += samples.length;
      return;
    }
    const item = this.itemFor(itemId);
    item.chunks.push({ samples, at: 0 });
    item.buffered += samples.length;
    this.buffered += samples.length;
  }

  /** No more audio will come for the item. */
  end(itemId) {
    const item = this.items.find((candidate) => candidate.id === itemId);
    if (item) item.ended = true;
  }

  itemFor(itemId) {
    const known = this.items.find((item) => item.id === itemId);
    if (known) return known;
    for (const earlier of this.items) earlier.ended = true; // items come one after another
    const item = { id: itemId, chunks: [], buffered: 0, played: 0, ended: false };
    this.items.push(item);
    return item;
  }

  /** What is being played: {itemId, played, buffered}; null when nothing is. */
  position() {
    const item = this.items[0];
    return item ? { itemId: item.id, played: item.played, buffered: this.buffered } : null;
  }

  /** Stops at once, but for a short fade. Returns the position at which it was cut; null when nothing was there to cut. */
  flush() {
    const position = this.position();
    if (position && this.primed) this.startFade(this.items[0]);
    this.items = [];
    this.buffered = 0;
    this.primed = false;
    return position;
  }

  startFade(item) {
    const tail = new Float32Array(Math.min(this.fadeSamples, item.buffered));
    this.take(item, tail, 0, tail.length);
    for (let i = 0; i < tail.length; i++) tail[i] *= 1 - (i + 1) / tail.length;
    this.fade = { samples: tail, at: 0 };
  }

  /** Fills `out` with the next samples, silence where there are none. */
  render(out) {
    out.fill(0);
    let at = this.renderFade(out);
    while (at < out.length) {
      const item = this.current();
      if (!item) break;
      const count = Math.min(out.length - at, item.buffered);
      if (count === 0) {
        this.primed = false; // ran dry in the middle of an item: collect again
        this.underruns++;
        break;
      }
      this.take(item, out, at, count);
      item.played += count;
      this.playedTotal += count;
      for (let i = at; i < at + count; i++) if (Math.abs(out[i]) > SILENCE) this.nonSilentTotal++;
      at += count;
    }
  }

  // The item to play from now, when there is enough of it.
  current() {
    while (this.items.length && this.items[0].ended && this.items[0].buffered === 0) {
      const done = this.items.shift();
      this.finished.push({ itemId: done.id, played: done.played });
      this.primed = false;
    }
    const item = this.items[0];
    if (!item) return null;
    if (!this.primed && !item.ended && item.buffered < this.jitterSamples) return null;
    this.primed = true;
    return item;
  }

  renderFade(out) {
    if (!this.fade) return 0;
    const count = Math.min(out.length, this.fade.samples.length - this.fade.at);
    out.set(this.fade.samples.subarray(this.fade.at, this.fade.at + count));
    this.fade.at += count;
    if (this.fade.at === this.fade.samples.length) this.fade = null;
    return count;
  }

  take(item, out, from, count) {
    let left = count;
    while (left > 0) {
      const chunk = item.chunks[0];
      const part = Math.min(left, chunk.samples.length - chunk.at);
      out.set(chunk.samples.subarray(chunk.at, chunk.at + part), from + count - left);
      chunk.at += part;
      left -= part;
      if (chunk.at === chunk.samples.length) item.chunks.shift();
    }
    item.buffered -= count;
    this.buffered -= count;
  }
}
