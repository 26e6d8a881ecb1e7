// Plays replies: decodes what the server sends and hands it to the playback worklet, which counts what was played.
import { OPUS_RATE_HZ, OpusDecoder } from './opus.js';
import { PCM_RATE_HZ } from './protocol.js';
import { floatsFromPcm16, Resampler } from './resampler.js';

const FLUSH_ANSWER_MS = 150; // the server waits 300 ms for the position of a cut

export class Speaker {
  /**
   * on: {position(itemId, playedMs, level), finished(itemId), idle(), totals({playedSamples, nonSilentSamples}), problem(Error)}.
   * playedMs in `position` is what the listener hears now: it is behind the worklet by the output's delay.
   */
  constructor(on) {
    this.on = on;
    this.context = null;
    this.node = null;
    this.format = { codec: 'pcm', rateHz: PCM_RATE_HZ };
    this.sink = null; // {itemId, decoder | resampler, dead} of the item that audio belongs to now
    this.sinks = new Set(); // and of those whose last samples are still being decoded
    this.tickets = new Map();
    this.nextTicket = 1;
  }

  /** Must first be called from a click or key press, or the browser keeps the audio suspended. */
  async start() {
    if (!this.context) {
      this.context = new AudioContext({ sampleRate: OPUS_RATE_HZ, latencyHint: 'interactive' });
      await this.context.audioWorklet.addModule(new URL('../worklets/playback.js', import.meta.url));
      this.node = new AudioWorkletNode(this.context, 'repartee-playback', { numberOfInputs: 0, outputChannelCount: [1] });
      this.node.port.onmessage = ({ data }) => this.receive(data);
      this.node.connect(this.context.destination);
    }
    if (this.context.state !== 'running') await this.context.resume();
  }

  /** What the server's audio is from the next item on: {codec: "opus"|"pcm", rateHz}. */
  setFormat(format) {
    this.format = format;
  }

  /** Audio that follows belongs to this item. Each item has a decoder of its own, so that late samples keep their item. */
  begin(itemId) {
    if (this.sink?.itemId === itemId || !this.node) return;
    if (this.sink) this.end(this.sink.itemId);
    const sink = { itemId, dead: false };
    if (this.format.codec === 'opus') sink.decoder = new OpusDecoder((samples) => this.post(sink, samples), this.on.problem);
    else sink.resampler = new Resampler(this.format.rateHz, OPUS_RATE_HZ);
    this.sink = sink;
    this.sinks.add(sink);
  }

  write(bytes) {
    if (!this.sink) return;
    if (this.sink.decoder) this.sink.decoder.decode(bytes);
    else this.post(this.sink, this.sink.resampler.process(floatsFromPcm16(bytes)));
  }

  post(sink, samples) {
    if (sink.dead) return;
    const own = samples.slice();
    this.node.port.postMessage({ type: 'audio', itemId: sink.itemId, samples: own }, [own.buffer]);
  }

  /** No more audio will come for the item. */
  async end(itemId) {
    const sink = this.sink;
    if (!sink || sink.itemId !== itemId) return;
    this.sink = null;
    await sink.decoder?.drain();
    if (sink.dead) return;
    this.node.port.postMessage({ type: 'end', itemId });
    this.forget(sink);
  }

  forget(sink) {
    sink.dead = true;
    sink.decoder?.close();
    this.sinks.delete(sink);
  }

  /** Stops at once. Resolves to {itemId, playedMs} of what was cut, or null when nothing was playing. */
  async flush() {
    for (const sink of [...this.sinks]) this.forget(sink);
    this.sink = null;
    if (!this.node) return null;
    const ticket = this.nextTicket++;
    const position = await new Promise((resolve) => {
      const timer = setTimeout(() => this.answer(ticket, null), FLUSH_ANSWER_MS);
      this.tickets.set(ticket, { resolve, timer });
      this.node.port.postMessage({ type: 'flush', ticket });
    });
    return position && { itemId: position.itemId, playedMs: this.milliseconds(position.played) };
  }

  answer(ticket, position) {
    const waiting = this.tickets.get(ticket);
    if (!waiting) return;
    this.tickets.delete(ticket);
    clearTimeout(waiting.timer);
    waiting.resolve(position);
  }

  milliseconds(samples) {
    return (1000 * samples) / OPUS_RATE_HZ;
  }

  receive(message) {
    if (message.type === 'flushed') this.answer(message.ticket, message.position);
    else if (message.type === 'finished') this.on.finished(message.itemId);
    else if (message.type === 'position') {
      this.on.totals({ playedSamples: message.playedTotal, nonSilentSamples: message.nonSilentTotal });
      if (!message.position) return this.on.idle();
      const delayMs = 1000 * (this.context.outputLatency || this.context.baseLatency || 0);
      const playedMs = Math.max(0, this.milliseconds(message.position.played) - delayMs);
      this.on.position(message.position.itemId, playedMs, message.level);
    }
  }

  async stop() {
    await this.flush();
    await this.context?.suspend();
  }
}
