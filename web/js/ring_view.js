// Paints the ring on a canvas. With prefers-reduced-motion it stands still: one tick length for each state, and the meter shows the level.
import { levelFraction, restHeight, RingLevels, TICKS } from './ring.js';

const STEP_MS = 24;
const BASE = 0.05; // tick lengths in parts of the radius
const REACH = 0.17;
const INNER = 0.76;

export class RingView {
  constructor(canvas) {
    this.canvas = canvas;
    this.levels = new RingLevels();
    this.state = 'off';
    this.since = performance.now();
    this.stepped = 0;
    this.still = matchMedia('(prefers-reduced-motion: reduce)');
    this.still.addEventListener('change', () => this.start());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.paint(performance.now()));
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  resize() {
    const size = Math.round(this.canvas.clientWidth * devicePixelRatio);
    this.canvas.width = size;
    this.canvas.height = size;
    this.paint(performance.now());
  }

  setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.since = performance.now();
    this.start();
  }

  setLevel(rms) {
    this.levels.set(levelFraction(rms));
  }

  start() {
    cancelAnimationFrame(this.frame);
    this.paint(performance.now());
    const moving = this.state !== 'off' && this.state !== 'lost' && !this.still.matches;
    if (moving) this.frame = requestAnimationFrame((now) => this.animate(now));
  }

  animate(now) {
    if (now - this.stepped > STEP_MS * 4) this.stepped = now - STEP_MS;
    while (now - this.stepped >= STEP_MS) {
      this.levels.step();
      this.stepped += STEP_MS;
    }
    this.paint(now);
    this.frame = requestAnimationFrame((next) => this.animate(next));
  }

  paint(now) {
    const pen = this.canvas.getContext('2d');
    const style = getComputedStyle(this.canvas);
    const [accent, ink, faint] = ['--accent', '--ink', '--line-strong'].map((name) => style.getPropertyValue(name).trim());
    const radius = this.canvas.width / 2;
    const active = this.state === 'speaking' ? accent : ink;
    pen.clearRect(0, 0, 2 * radius, 2 * radius);
    pen.lineWidth = Math.max(1.5, radius * 0.018);
    pen.lineCap = 'round';
    for (let i = 0; i < TICKS; i++) {
      const height = this.heightOf(i, now);
      const angle = (2 * Math.PI * i) / TICKS - Math.PI / 2;
      const from = radius * INNER;
      const to = from + radius * (BASE + REACH * height);
      pen.strokeStyle = height > 0.03 ? active : faint;
      pen.globalAlpha = height > 0.03 ? 0.45 + 0.55 * Math.min(1, height * 1.6) : 1;
      pen.beginPath();
      pen.moveTo(radius + from * Math.cos(angle), radius + from * Math.sin(angle));
      pen.lineTo(radius + to * Math.cos(angle), radius + to * Math.sin(angle));
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  heightOf(index, now) {
    if (this.still.matches) return { listening: 0.4, speaking: 0.6, interrupted: 0.4, processing: 0.2 }[this.state] ?? 0;
    if (this.state === 'off' || this.state === 'lost') return 0;
    return Math.min(1, Math.max(this.levels.height(index), restHeight(this.state, index, (now - this.since) / 1000)));
  }
}
