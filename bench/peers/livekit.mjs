// npm @livekit/agents behind a plain WebSocket on this machine, for bench_load: binary PCM at 24 kHz both ways, and as much of our events as
// that client looks at. Each connection is an AgentSession without a room: custom audio input and output, scripted models, Silero VAD.
//   node livekit.mjs PORT
// Environment: VAD_SILENCE_MS (500), ENDPOINTING_MS (500), INTERRUPTION_MS (their default: 500).
import { createServer } from 'node:http';
import { initializeLogger, voice } from '@livekit/agents';
import * as silero from '@livekit/agents-plugin-silero';
import { AudioFrame } from '@livekit/rtc-node';
import { WebSocketServer } from 'ws';
import { isLoud, rate, ScriptedLlm, ScriptedStt, ScriptedTts } from './scripted.mjs';

const number = (name, value) => Number(process.env[name] ?? value);
const silenceMs = number('VAD_SILENCE_MS', 500), endpointingMs = number('ENDPOINTING_MS', 500), interruptionMs = number('INTERRUPTION_MS', 500);
const frameMs = 20, frameSamples = (rate * frameMs) / 1000;
const queueMsMax = 200; // as RoomIO's audio source

initializeLogger({ pretty: false, level: 'error' });
const vad = await silero.VAD.load({ minSilenceDuration: silenceMs });

// One clock for all calls: 20 ms of audio each, as a WebRTC sender would pace it.
const outputs = new Set();
let dueMs = performance.now();
function pace() {
  for (const now = performance.now(); dueMs <= now; dueMs += frameMs) for (const output of outputs) output.tick();
  setTimeout(pace, Math.max(dueMs - performance.now(), 0));
}
pace();

class SocketInput extends voice.AudioInput {
  #writer;
  constructor() {
    super();
    const { readable, writable } = new TransformStream();
    this.#writer = writable.getWriter();
    this.multiStream.addInputStream(readable);
  }
  push(bytes) {
    const samples = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    this.#writer.write(new AudioFrame(samples, rate, 1, samples.length)).catch(() => {});
    return samples;
  }
  end() {
    this.#writer.close().catch(() => {});
  }
}

class SocketOutput extends voice.AudioOutput {
  #call;
  #pieces = [];
  #queuedSamples = 0;
  #playedSamples = 0;
  #isOpen = false; // a reply's audio has begun and not ended
  #isFlushed = false;
  #roomWanted = [];
  constructor(call) {
    super(rate, undefined, { pause: false });
    this.#call = call;
  }
  async captureFrame(frame) {
    await super.captureFrame(frame);
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#isFlushed = false;
      this.#playedSamples = 0;
    }
    this.#pieces.push(frame.data);
    this.#queuedSamples += frame.samplesPerChannel;
    if (!outputs.has(this)) {
      outputs.add(this);
      this.tick(); // the first frame does not wait for the clock
    }
    while (this.#queuedSamples * 1000 > queueMsMax * rate) await new Promise((resolve) => this.#roomWanted.push(resolve));
  }
  flush() {
    super.flush();
    this.#isFlushed = true;
    if (this.#isOpen && this.#queuedSamples === 0) this.#end(false);
  }
  clearBuffer() {
    if (this.#isOpen) this.#end(true);
  }
  tick() {
    if (this.#queuedSamples === 0) return;
    const frame = this.#take(Math.min(frameSamples, this.#queuedSamples));
    if (this.#playedSamples === 0) this.onPlaybackStarted(Date.now());
    this.#playedSamples += frame.length;
    this.#call.onFrame(frame);
    this.#letIn();
    if (this.#queuedSamples === 0 && this.#isFlushed) this.#end(false);
  }
  close() {
    this.#queuedSamples = 0;
    outputs.delete(this);
    this.#letIn();
  }
  #take(count) {
    const frame = new Int16Array(count);
    for (let at = 0; at < count; ) {
      const piece = this.#pieces[0], part = piece.subarray(0, count - at);
      frame.set(part, at);
      at += part.length;
      if (part.length === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(part.length);
    }
    this.#queuedSamples -= count;
    return frame;
  }
  #letIn() {
    for (const resolve of this.#roomWanted.splice(0)) resolve();
  }
  #end(interrupted) {
    this.#pieces = [];
    this.#isOpen = false;
    this.close();
    if (interrupted) super.flush();
    if (interrupted) this.#call.onCut();
    this.onPlaybackFinished({ playbackPosition: this.#playedSamples / rate, interrupted });
    this.#call.onReplyEnd(interrupted ? 'cancelled' : 'completed');
  }
}

// What bench_load wants to see of a call.
class Call {
  #socket;
  #input = new SocketInput();
  #output = new SocketOutput(this);
  #session;
  #turn = 0;
  #lastLoudMs = 0;
  #endpoint = {};
  #reply = null;
  constructor(socket) {
    this.#socket = socket;
    socket.on('message', (bytes, isBinary) => (isBinary ? this.#onAudio(bytes) : this.#send({ type: 'session.updated' })));
    socket.on('close', () => void this.#end());
    socket.on('error', () => {});
  }
  async start() {
    this.#session = new voice.AgentSession({
      vad,
      stt: new ScriptedStt(),
      llm: new ScriptedLlm(),
      tts: new ScriptedTts(),
      turnHandling: {
        turnDetection: 'vad',
        endpointing: { mode: 'fixed', minDelay: endpointingMs },
        interruption: { mode: 'vad', minDuration: interruptionMs },
      },
      aecWarmupDuration: null,
      userAwayTimeout: null,
    });
    this.#session.input.audio = this.#input;
    this.#session.output.audio = this.#output;
    this.#session.on(voice.AgentSessionEventTypes.UserStateChanged, ({ newState }) => {
      if (newState === 'listening') this.#endpoint = { atMs: performance.now(), waitedMs: performance.now() - this.#lastLoudMs };
    });
    this.#session.on(voice.AgentSessionEventTypes.Error, ({ error }) => this.#send({ type: 'error', error: { type: String(error) } }));
    await this.#session.start({ agent: new voice.Agent({ instructions: 'Be brief.' }), record: false });
    this.#send({ type: 'session.created' });
  }
  onFrame(samples) {
    if (!this.#reply) {
      this.#reply = { isCut: false, addedMs: performance.now() - this.#endpoint.atMs, waitedMs: this.#endpoint.waitedMs };
      this.#send({ type: 'response.created' });
    }
    this.#socket.send(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength));
  }
  onCut() {
    if (!this.#reply || this.#reply.isCut) return;
    this.#reply.isCut = true;
    this.#send({ type: 'repartee.state', from: 'speaking', to: 'interrupted' });
  }
  onReplyEnd(status) {
    if (!this.#reply) return;
    const { addedMs, waitedMs } = this.#reply;
    this.#reply = null;
    this.#send({ type: 'response.done', response: { status } });
    const latencies = Number.isFinite(addedMs) ? { endpointing_ms: Math.round(waitedMs), total_latency_ms: Math.round(waitedMs + addedMs) } : {};
    this.#send({ type: 'repartee.turn', turn_index: this.#turn++, status: status === 'cancelled' ? 'interrupted' : status, ...latencies });
  }
  #onAudio(bytes) {
    const samples = this.#input.push(bytes);
    if (isLoud(samples)) this.#lastLoudMs = performance.now();
  }
  #send(event) {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(event));
  }
  async #end() {
    this.#reply = null;
    this.#output.close();
    this.#input.end();
    await this.#session?.close().catch(() => {});
  }
}

const server = createServer((request, response) => response.end('ready\n'));
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
  new Call(socket).start().catch((error) => {
    console.error(error);
    socket.close(1011);
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0)); // with --cpu-prof this is what writes the profile
