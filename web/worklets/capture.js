// Cuts the microphone's audio into frames of 20 ms at the wanted rate, on the audio thread.
// Out: {type:"frame", samples: Float32Array, level: RMS of the frame}
import { Resampler } from '../js/resampler.js';

class Capture extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.resampler = new Resampler(sampleRate, processorOptions.rateHz);
    this.frame = new Float32Array((processorOptions.rateHz * processorOptions.frameMs) / 1000);
    this.filled = 0;
  }

  process([input]) {
    if (input.length > 0) this.add(this.resampler.process(input[0]));
    return true;
  }

  add(samples) {
    let at = 0;
    while (at < samples.length) {
      const count = Math.min(samples.length - at, this.frame.length - this.filled);
      this.frame.set(samples.subarray(at, at + count), this.filled);
      this.filled += count;
      at += count;
      if (this.filled === this.frame.length) this.send();
    }
  }

  send() {
    let energy = 0;
    for (const sample of this.frame) energy += sample * sample;
    const level = Math.sqrt(energy / this.frame.length);
    this.port.postMessage({ type: 'frame', samples: this.frame, level }); // copied, so the frame can be filled again
    this.filled = 0;
  }
}

registerProcessor('repartee-capture', Capture);
