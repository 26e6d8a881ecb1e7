// Plays what speaker.js posts, on the audio thread.
// In:  {type:"audio", itemId, samples} {type:"end", itemId} {type:"flush", ticket}
// Out: {type:"position", position, level, playedTotal, nonSilentTotal} about every 20 ms while something plays;
//      {type:"finished", itemId, played} {type:"flushed", ticket, position}
import { PlayQueue } from '../js/play_queue.js';

const REPORT_MS = 20;

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = new PlayQueue(sampleRate);
    this.sinceReport = 0;
    this.energy = 0;
    this.quiet = true;
    this.port.onmessage = ({ data }) => this.receive(data);
  }

  receive(message) {
    if (message.type === 'audio') this.queue.push(message.itemId, message.samples);
    else if (message.type === 'end') this.queue.end(message.itemId);
    else if (message.type === 'flush') {
      this.port.postMessage({ type: 'flushed', ticket: message.ticket, position: this.queue.flush() });
    }
  }

  process(inputs, [output]) {
    const out = output[0];
    this.queue.render(out);
    for (let channel = 1; channel < output.length; channel++) output[channel].set(out);
    for (const { itemId, played } of this.queue.finished.splice(0)) this.port.postMessage({ type: 'finished', itemId, played });
    for (let i = 0; i < out.length; i++) this.energy += out[i] * out[i];
    this.sinceReport += out.length;
    if (this.sinceReport >= (sampleRate * REPORT_MS) / 1000) this.report();
    return true;
  }

  report() {
    const position = this.queue.position();
    const level = Math.sqrt(this.energy / this.sinceReport);
    this.sinceReport = 0;
    this.energy = 0;
    if (!position && this.quiet) return;
    this.quiet = !position && level === 0;
    const { playedTotal, nonSilentTotal, underruns } = this.queue;
    this.port.postMessage({ type: 'position', position, level, playedTotal, nonSilentTotal, underruns });
  }
}

registerProcessor('repartee-playback', Playback);
