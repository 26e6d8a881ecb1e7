// Streaming sample-rate conversion: a polyphase windowed-sinc filter (J. O. Smith, "Digital Audio Resampling"; Blackman window).
// Mono Float32 in [-1, 1]. Pure; also imported by the capture worklet. Delay: HALF_WIDTH input samples (more when going down).

const HALF_WIDTH = 12;

function gcd(a, b) {
  return b === 0 ? a : gcd(b, a % b);
}

export class Resampler {
  constructor(fromHz, toHz) {
    const divisor = gcd(fromHz, toHz);
    this.up = toHz / divisor;
    this.down = fromHz / divisor;
    this.same = this.up === this.down;
    const cutoff = Math.min(1, this.up / this.down);
    this.half = Math.ceil(HALF_WIDTH / cutoff);
    this.phases = this.same ? [] : makePhases(this.up, this.half, cutoff);
    this.reset();
  }

  reset() {
    this.pending = new Float32Array(2 * this.half - 1); // silence before the start
    this.phase = 0;
  }

  /** The output that this input completes; nothing of it is lost between calls. */
  process(input) {
    if (this.same) return input;
    const samples = new Float32Array(this.pending.length + input.length);
    samples.set(this.pending);
    samples.set(input, this.pending.length);
    const taps = 2 * this.half;
    const output = new Float32Array(Math.ceil((Math.max(0, samples.length - taps + 1) * this.up) / this.down) + 1);
    let count = 0, at = 0, phase = this.phase;
    while (at + taps <= samples.length) {
      const filter = this.phases[phase];
      let sum = 0;
      for (let i = 0; i < taps; i++) sum += samples[at + i] * filter[i];
      output[count++] = sum;
      phase += this.down;
      at += Math.floor(phase / this.up);
      phase %= this.up;
    }
    this.phase = phase;
    this.pending = samples.slice(at);
    return output.subarray(0, count);
  }
}

function makePhases(up, half, cutoff) {
  const phases = [];
  for (let phase = 0; phase < up; phase++) {
    const filter = new Float32Array(2 * half);
    let sum = 0;
    for (let i = 0; i < filter.length; i++) {
      const x = i - (half - 1) - phase / up;
      filter[i] = cutoff * sinc(cutoff * x) * blackman(x / half);
      sum += filter[i];
    }
    for (let i = 0; i < filter.length; i++) filter[i] /= sum;
    phases.push(filter);
  }
  return phases;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function blackman(x) {
  return Math.abs(x) >= 1 ? 0 : 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);
}

export function floatsFromPcm16(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const samples = new Float32Array(bytes.byteLength >> 1);
  for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(2 * i, true) / 32768;
  return samples;
}

export function pcm16FromFloats(samples) {
  const view = new DataView(new ArrayBuffer(2 * samples.length));
  for (let i = 0; i < samples.length; i++) {
    view.setInt16(2 * i, Math.max(-32768, Math.min(32767, Math.round(samples[i] * 32768))), true);
  }
  return new Uint8Array(view.buffer);
}
