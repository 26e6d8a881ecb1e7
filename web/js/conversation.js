// One conversation: ties connection, microphone, speaker and captions together and survives a dropped connection.
import { RESUME_MS, retryDelayMs } from './backoff.js';
import { Connection } from './connection.js';
import { ServerEvents } from './events.js';
import { Microphone } from './microphone.js';
import { canDecodeOpus, canEncodeOpus } from './opus.js';
import { closeWords, playbackPosition, sessionUpdate, typedMessage, voiceUpdate, worthRetrying } from './protocol.js';
import { refusalWords } from './refusal.js';
import { Speaker } from './speaker.js';

/** The codecs this browser can do; output null where there is no sound at all (no AudioWorklet outside a secure context). */
export async function detectCodecs(forced) {
  const sound = typeof AudioWorkletNode === 'function' && globalThis.isSecureContext;
  const [encode, decode] = forced === 'pcm' ? [false, false] : await Promise.all([canEncodeOpus(), canDecodeOpus()]);
  return { input: encode ? 'opus' : 'pcm', output: sound ? (decode ? 'opus' : 'pcm') : null };
}

export class Conversation {
  /**
   * credential(): what the server is asked with, a promise of a token, a key or "".
   * on: {change(), turn(row), totals({playedSamples, nonSilentSamples}), level("microphone"|"speaker", rms),
   * trouble({text, kind: "error"|"dropped"|"note"}), settled()}; settled: the trouble is over.
   */
  constructor(captions, codecs, credential, on) {
    this.captions = captions;
    this.credential = credential;
    this.codecs = codecs;
    this.on = on;
    this.phase = 'off';
    this.server = 'idle';
    this.sessionId = null;
    this.choice = { clone: 'default', voice: '' };
    this.unsent = []; // typed before the session was ready
    this.wantsMicrophone = false;
    this.attempt = 0;
    this.retryAt = 0;
    this.awaitsReply = false;
    this.held = false; // its server keeps it for us
    this.formats = null;
    this.broken = false; // this conversation has lost its connection before
    this.microphone = new Microphone({
      packet: (packet) => this.connection?.sendAudio(packet),
      level: (rms) => on.level('microphone', rms),
      lost: () => this.microphoneLost(),
    });
    this.speaker = codecs.output ? new Speaker({
      position: (itemId, playedMs, level) => {
        captions.played(itemId, playedMs);
        on.level('speaker', level);
      },
      finished: (itemId) => captions.playedOut(itemId),
      idle: () => on.level('speaker', 0),
      totals: on.totals,
      problem: () => on.trouble({ text: 'Part of the reply could not be played.', kind: 'note' }),
    }) : null;
    this.events = new ServerEvents(captions, this.effects());
  }

  setPhase(phase) {
    this.phase = phase;
    this.on.change();
  }

  /** From a click: opens the microphone, then the session. */
  async talk(choice) {
    this.choice = choice;
    const before = this.phase;
    if (before !== 'live') this.setPhase('asking');
    const speakerReady = this.speaker?.start(); // now, while the click counts
    try {
      await this.microphone.ask();
    } catch (error) {
      this.setPhase(before);
      throw error;
    }
    await speakerReady;
    this.wantsMicrophone = true;
    if (before !== 'live') this.connect();
    else await this.startCapture();
    this.on.change();
  }

  /** From a key press or click: says it in writing. */
  async say(text, choice) {
    await this.speaker?.start();
    if (this.phase === 'live') {
      await this.interrupt();
      this.sendTyped(text);
      return;
    }
    this.unsent.push(text);
    this.choice = choice;
    if (this.phase === 'off' || this.phase === 'lost') this.connect();
  }

  sendTyped(text) {
    this.awaitsReply = true;
    for (const event of typedMessage(text)) this.connection.send(event);
  }

  // What was typed met a reply that this page did not know of yet, such as the greeting: that one gives way, once.
  async busy() {
    if (!this.awaitsReply) return;
    this.awaitsReply = false;
    this.connection.send({ type: 'response.cancel' });
    await this.cut();
    this.connection?.send({ type: 'response.create' });
  }

  // A typed message does not wait for the reply that is being spoken.
  async interrupt() {
    if (this.events.replying) this.connection.send({ type: 'response.cancel' });
    await this.cut();
  }

  setVoice(voice) {
    this.choice.voice = voice;
    if (this.phase === 'live' && this.codecs.output && voice) this.connection.send(voiceUpdate(voice));
  }

  setMuted(muted) {
    this.microphone.setMuted(muted);
    this.on.change();
  }

  async stop() {
    clearTimeout(this.retryTimer);
    this.wantsMicrophone = false;
    this.attempt = 0;
    this.broken = false;
    this.resume = null;
    this.unsent = [];
    this.connection?.close();
    this.connection = null;
    this.captions.abandon();
    this.setPhase('off');
    await Promise.all([this.microphone.close(), this.speaker?.stop()]);
  }

  /** From a click: does not wait for the next attempt. */
  async reconnectNow() {
    clearTimeout(this.retryTimer);
    if (this.wantsMicrophone) await this.microphone.ask().catch((error) => this.on.trouble({ text: error.message, kind: 'error' }));
    this.connect();
  }

  async connect() {
    this.setPhase(this.attempt > 0 ? 'retrying' : 'connecting');
    const attempt = (this.connecting = {});
    const apiKey = await this.credential().catch(() => '');
    if (attempt !== this.connecting || this.phase === 'off') return; // stopped, or begun anew
    if (!this.resume) this.events.replying = false;
    this.configured = false;
    this.hadCredential = apiKey !== '';
    const { clone: model } = this.choice;
    // Whoever has begun by typing, or was cut off in the middle, wants no greeting.
    const greeting = this.unsent.length === 0 && !this.broken;
    const connection = new Connection({ model, apiKey, greeting, resume: this.resume }, {
      open: () => {},
      event: (event) => this.events.handle(event),
      audio: (bytes) => this.speaker?.write(bytes),
      close: (end) => this.closed(connection, end),
    });
    this.connection = connection;
  }

  configure() {
    if (this.configured) return;
    this.configured = true;
    this.connection.send(sessionUpdate({ codec: this.codecs, voice: this.choice.voice }));
  }

  effects() {
    return {
      created: (session) => {
        if (this.held) this.letGo(); // a new beginning: what was under way is not coming back
        if (session.id !== this.createdId) this.captions.startSession();
        this.createdId = session.id;
        this.sessionId = session.id;
        this.server = 'idle';
        this.configure();
      },
      updated: (formats) => this.ready(formats),
      resumable: ({ sessionId, token, resumed, lost }) => {
        this.sessionId = sessionId ?? this.sessionId;
        this.resumeToken = token;
        this.held = false;
        if (resumed === 'live' && this.formats) this.ready(this.formats); // everything is as it was
        if (lost > 0) this.on.trouble({ text: 'Part of what was said meanwhile is lost.', kind: 'note' });
        this.on.change();
      },
      state: (name) => {
        this.server = name;
        if (name === 'idle') this.captions.dropUnsaid();
        this.on.change();
      },
      begin: (itemId) => this.speaker?.begin(itemId),
      end: (itemId) => this.speaker?.end(itemId),
      audio: (bytes) => this.speaker?.write(bytes),
      cut: () => this.cut(),
      turn: (row) => {
        this.captions.recordTurn(row);
        this.on.turn(row);
      },
      busy: () => this.busy(),
      complain: (text) => this.on.trouble({ text, kind: 'note' }),
    };
  }

  async ready({ input, output }) {
    const known = this.formats;
    this.formats = { input, output };
    this.inputFormat = input;
    if (JSON.stringify(known?.output) !== JSON.stringify(output) || this.phase !== 'retrying') this.speaker?.setFormat(output);
    if (this.phase === 'live') return;
    this.attempt = 0;
    this.setPhase('live');
    this.on.settled();
    for (const text of this.unsent.splice(0)) this.sendTyped(text);
    await this.startCapture();
  }

  async startCapture() {
    if (!this.wantsMicrophone || !this.microphone.open || !this.inputFormat) return;
    await this.microphone.capture(this.inputFormat);
    this.on.change();
  }

  /** Silences the reply at once, and tells the server how much of it was played. */
  async cut() {
    const connection = this.connection;
    const position = await this.speaker?.flush();
    this.on.level('speaker', 0);
    if (!position) return;
    connection?.send(playbackPosition(position.itemId, position.playedMs));
    this.events.cutItems.add(position.itemId);
    this.captions.cut(position.itemId, position.playedMs);
  }

  async closed(connection, { code, reason, opened }) {
    if (connection !== this.connection) return;
    this.connection = null;
    const lastSeq = connection.lastSeq;
    this.broken ||= opened;
    // Lost, not closed: the conversation waits at the server, and goes on where it was.
    this.held = opened ? code === 1006 && Boolean(this.resumeToken) : this.held && code === 1006;
    await Promise.all([this.microphone.pause(), this.held ? null : this.letGo()]);
    if (opened) {
      this.resume = this.resumeToken ? { sessionId: this.sessionId, token: this.resumeToken, afterSeq: lastSeq } : null;
    } else if (!this.held || this.attempt > 3) {
      this.resume = null; // it may be the resumption that was refused
    }
    const text = opened ? closeWords(code, reason) : await refusalWords(this.hadCredential);
    if (this.phase === 'off' || this.connection) return; // stopped or reconnected meanwhile
    const soon = this.held && opened ? RESUME_MS : null;
    const delayMs = soon ?? (worthRetrying(code) && (opened || this.attempt > 0) ? retryDelayMs(this.attempt) : null);
    if (delayMs === null) return this.giveUp(text);
    this.attempt++;
    this.retryAt = Date.now() + delayMs;
    this.retryTimer = setTimeout(() => this.connect(), delayMs);
    this.setPhase('retrying');
    this.on.trouble({ text, kind: 'dropped' });
  }

  /** What was being said on either side is over. */
  async letGo() {
    this.held = false;
    this.captions.abandon();
    await this.speaker?.flush();
  }

  giveUp(text) {
    this.letGo();
    this.attempt = 0;
    this.microphone.close(); // no recording light while nobody listens
    this.setPhase('lost');
    this.on.trouble({ text, kind: 'dropped' });
  }

  async microphoneLost() {
    this.wantsMicrophone = false;
    await this.microphone.close();
    this.on.change();
    this.on.trouble({ text: 'The microphone went away. Press the button to open it again, or type below.', kind: 'error' });
  }
}
