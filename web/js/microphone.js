// Captures the microphone as frames of 20 ms, encoded as the server was told.
import { OPUS_RATE_HZ, OpusEncoder } from './opus.js';
import { INPUT_FRAME_MS } from './protocol.js';
import { pcm16FromFloats } from './resampler.js';

const CONSTRAINTS = { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 } };

/** Why there is no microphone, in plain words. `name` of the DOMException, or "insecure". */
export function microphoneWords(name) {
  switch (name) {
    case 'insecure': return 'Browsers give the microphone only to pages opened over HTTPS or from this machine. You can still type.';
    case 'NotAllowedError': case 'SecurityError':
      return 'The microphone was refused. Allow it for this page in the browser’s site settings and press the button again, or type below.';
    case 'NotFoundError': case 'OverconstrainedError': return 'No microphone was found. Plug one in and press the button again, or type below.';
    case 'NotReadableError': case 'AbortError': return 'The microphone is in use by another program. Close that program and press the button again, or type below.';
    default: return 'The microphone could not be opened. You can still type.';
  }
}

export class MicrophoneError extends Error {
  constructor(name) {
    super(microphoneWords(name));
    this.name = name;
  }
}

export class Microphone {
  /** on: {packet(Uint8Array), level(rms), lost()}; lost: the device went away by itself. */
  constructor(on) {
    this.on = on;
    this.stream = null;
    this.context = null;
    this.muted = false;
    this.encode = null;
  }

  get open() {
    return this.stream !== null;
  }

  /** Asks for the microphone. Throws a MicrophoneError. Nothing is captured before `capture`. */
  async ask() {
    if (this.stream) return;
    if (!globalThis.isSecureContext || !navigator.mediaDevices?.getUserMedia) throw new MicrophoneError('insecure');
    try {
      this.stream = await navigator.mediaDevices.getUserMedia(CONSTRAINTS);
    } catch (error) {
      throw new MicrophoneError(error.name);
    }
    this.stream.getAudioTracks()[0].addEventListener('ended', () => {
      if (this.open) this.on.lost();
    });
    this.setMuted(this.muted);
  }

  /** Starts sending. {codec, rateHz}: as the session has it. */
  async capture({ codec, rateHz }) {
    if (!this.stream || this.context) return;
    const stream = this.stream;
    const context = new AudioContext({ latencyHint: 'interactive' });
    this.context = context;
    await context.audioWorklet.addModule(new URL('../worklets/capture.js', import.meta.url));
    if (this.context !== context) return; // closed meanwhile
    this.setEncoder(codec);
    const processorOptions = { rateHz: codec === 'opus' ? OPUS_RATE_HZ : rateHz, frameMs: INPUT_FRAME_MS };
    const node = new AudioWorkletNode(context, 'repartee-capture', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit', processorOptions });
    node.port.onmessage = ({ data }) => this.frame(data);
    context.createMediaStreamSource(stream).connect(node);
    await context.resume();
  }

  setEncoder(codec) {
    if (codec === 'opus') {
      this.encoder = new OpusEncoder((packet) => this.on.packet(packet), () => this.on.lost());
      this.encode = (samples) => this.encoder.encode(samples);
    } else {
      this.encode = (samples) => this.on.packet(pcm16FromFloats(samples));
    }
  }

  frame({ samples, level }) {
    if (!this.encode) return;
    this.on.level(this.muted ? 0 : level);
    this.encode(samples);
  }

  /** Muted, the track gives silence, which goes on being sent: the server's clocks count received audio. */
  setMuted(muted) {
    this.muted = muted;
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  /** Stops sending but keeps the permission, as while reconnecting. */
  async pause() {
    this.encode = null;
    this.encoder?.close();
    this.encoder = null;
    const context = this.context;
    this.context = null;
    this.on.level(0);
    await context?.close();
  }

  async close() {
    const stream = this.stream;
    this.stream = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
    await this.pause();
  }
}
