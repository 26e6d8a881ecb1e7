// The bar that shows how loud the microphone is.
import { levelFraction } from './ring.js';

const FALL = 0.85;

export class MeterView {
  constructor(meter) {
    this.meter = meter;
    this.bar = meter.firstElementChild;
    this.value = 0;
  }

  setActive(active) {
    this.meter.classList.toggle('active', active);
  }

  set(rms) {
    this.value = Math.max(levelFraction(rms), this.value * FALL);
    const percent = rms === 0 ? 0 : Math.round(this.value * 100);
    this.bar.style.transform = `scaleX(${percent / 100})`;
    this.meter.setAttribute('aria-valuenow', String(percent));
  }
}
