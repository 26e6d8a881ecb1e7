// The ring of ticks around the button: the newest level stands at the top and runs down both sides. Pure; ring_view.js paints it.

export const TICKS = 96;
const HALF = TICKS / 2;
const FLOOR_DB = -54;
const CEILING_DB = -12;

/** An RMS in [0, 1] as a fraction of the meter, linear in decibels. */
export function levelFraction(rms) {
  if (!(rms > 0)) return 0;
  const db = 20 * Math.log10(rms);
  return Math.max(0, Math.min(1, (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
}

/** Levels over time, newest first, and how tall each tick stands because of them. */
export class RingLevels {
  constructor() {
    this.history = new Float32Array(HALF + 1);
    this.current = 0;
  }

  set(fraction) {
    this.current = Math.max(this.current, fraction);
  }

  /** One step in time: levels move on by one tick; a quick rise and a slow fall, as a meter has. */
  step(decay = 0.82) {
    this.history.copyWithin(1, 0);
    this.history[0] = this.current;
    this.current *= decay;
  }

  /** Height in [0, 1] of tick `index`, counted clockwise from the top. */
  height(index) {
    const distance = Math.min(index, TICKS - index);
    const fade = 1 - distance / (HALF + 8);
    return this.history[distance] * fade;
  }
}

/** What the ticks do by themselves in a state, in [0, 1], `seconds` into it. */
export function restHeight(state, index, seconds) {
  const turn = index / TICKS;
  if (state === 'processing' || state === 'connecting' || state === 'retrying' || state === 'asking') {
    const distance = Math.abs(((turn - seconds * 0.45) % 1 + 1.5) % 1 - 0.5);
    return 0.55 * Math.max(0, 1 - distance * 6);
  }
  if (state === 'idle') return 0.05 * (1 + Math.sin(seconds * 1.6));
  return 0;
}
