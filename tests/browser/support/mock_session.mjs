// One faked conversation: the events of the protocol in their order, and tones for speech. What is typed decides what happens:
// "interrupt": the user speaks into the reply; "fail": the turn fails; "drop": the connection breaks; "close": the server closes it.
import { randomUUID } from 'node:crypto';

const RATE_HZ = 24000;
const FRAME_MS = 20;
const LEAD_MS = 300;
const WORD_MS = 280;
const INTERRUPT_AFTER_MS = 1500;
const FRAMES_OF_AN_UTTERANCE = 60; // that many frames of input make the mock's "utterance"
const HEARD = 'go forward ten metres';
const REPLIES = {
  greeting: 'Hello, I am Repartee. Ask me something, or simply say what is on your mind.',
  speech: 'You asked me to go forward ten metres. I would, but a voice has no legs, so let us go forward in conversation instead.',
};

// As the real server's: it begins to recognise, think and speak before the endpoint is certain, so the stages overlap.
const SPOKEN_LATENCY = {
  endpointing_ms: 531, asr_latency_ms: 142, rag_latency_ms: null, llm_latency_ms: 42, tts_latency_ms: 449, total_latency_ms: 807,
  timeline: {
    speech_end: 0, asr_start: 172, asr_end: 314, endpoint: 531, requested: 531, llm_start: 314, llm_first_token: 356, llm_end: 390,
    tts_start: 357, tts_first_audio: 806, tts_end: 2882, first_frame: 807,
  },
};

export class MockSession {
  /** wire: {text(string), binary(Buffer), close(code, reason), destroy()}; options: {opus, greeting}. */
  constructor(wire, options, received) {
    Object.assign(this, { wire, options, received });
    this.seq = 0;
    this.turnIndex = 0;
    this.state = 'idle';
    this.inputFrames = [];
    this.started = Date.now();
    this.sessionId = randomUUID();
    this.reply = null;
    this.send({ type: 'session.created', session: { id: this.sessionId, type: 'realtime' } });
    this.send({ type: 'repartee.session', session_id: this.sessionId, resume_token: '', resume_within_ms: 0 });
  }

  send(event) {
    this.wire.text(JSON.stringify({ event_id: `event_${randomUUID()}`, seq: ++this.seq, ...event }));
  }

  move(to) {
    this.send({ type: 'repartee.state', from: this.state, to, turn_index: this.turnIndex, at_ms: Date.now() - this.started });
    this.state = to;
  }

  text(message) {
    const event = JSON.parse(message);
    this.received.push(event);
    if (event.type === 'session.update') this.update(event.session);
    else if (event.type === 'conversation.item.create') this.typed(event.item);
    else if (event.type === 'response.create') this.respondToTyped();
    else if (event.type === 'response.cancel') this.cut('cancelled', 'client_cancelled');
    else if (event.type === 'repartee.playback') this.playback = event;
  }

  update(session) {
    const first = !this.updated;
    this.updated = true;
    const pcm = { type: 'audio/pcm', rate: RATE_HZ };
    this.opus = this.options.opus && session.audio?.output?.format?.type === 'audio/opus';
    this.textOnly = session.output_modalities?.[0] === 'text';
    const input = { ...session.audio?.input, format: session.audio?.input?.format ?? pcm };
    this.send({ type: 'session.updated', session: { ...session, audio: { input, output: { ...session.audio?.output, format: this.opus ? { type: 'audio/opus' } : pcm } } } });
    if (first && this.options.greeting) this.speak(REPLIES.greeting, { latency: { tts_latency_ms: 84, total_latency_ms: 84 } });
  }

  typed(item) {
    this.typedText = item.content[0].text;
    this.send({ type: 'conversation.item.added', previous_item_id: null, item: { id: `item_${randomUUID()}`, ...item } });
  }

  respondToTyped() {
    if (this.reply) return this.send({ type: 'error', error: { type: 'invalid_request_error', code: 'conversation_already_has_active_response', message: 'A reply is being made.' } });
    const text = this.typedText;
    if (text === 'drop') return this.wire.destroy();
    if (text === 'close') return this.wire.close(1013, 'too many calls');
    const turn = { user_transcript: text, latency: { rag_latency_ms: 6.4, llm_latency_ms: 38, tts_latency_ms: 131, total_latency_ms: 177 } };
    this.move('processing');
    if (text === 'fail') return this.fail();
    this.speak(text === 'interrupt' ? REPLIES.speech : `You wrote: ${text}. It is a pleasure to read you.`, turn);
    if (text === 'interrupt') setTimeout(() => this.userSpeaks(), INTERRUPT_AFTER_MS);
  }

  fail() {
    const response = { id: 'resp_failed', status: 'failed', output: [], status_details: { type: 'failed', error: { message: 'The language model did not answer in time.' } } };
    this.send({ type: 'response.created', response: { id: response.id, status: 'in_progress' } });
    this.send({ type: 'response.done', response });
    this.move('error');
    this.turnIndex++;
    this.move('idle');
  }

  binary(packet) {
    this.inputFrames.push(packet);
    if (this.inputFrames.length === FRAMES_OF_AN_UTTERANCE && this.options.hears) this.userSpeaks();
  }

  userSpeaks() {
    if (this.reply) this.move('interrupted');
    const itemId = `item_${randomUUID()}`;
    this.send({ type: 'input_audio_buffer.speech_started', item_id: itemId, audio_start_ms: 800 });
    this.cut('interrupted', 'turn_detected');
    this.move('listening');
    const said = this.options.opus ? this.inputFrames.slice() : [];
    const words = HEARD.split(' ');
    for (const [i, word] of words.entries()) {
      setTimeout(() => this.send({ type: 'conversation.item.input_audio_transcription.delta', item_id: itemId, content_index: 0, delta: i ? ` ${word}` : word }), 250 * (i + 1));
    }
    setTimeout(() => {
      this.send({ type: 'input_audio_buffer.speech_stopped', item_id: itemId, audio_end_ms: 2100 });
      this.move('processing');
      this.send({ type: 'conversation.item.added', previous_item_id: null, item: { id: itemId, type: 'message', role: 'user', content: [{ type: 'input_audio' }] } });
      this.send({ type: 'conversation.item.input_audio_transcription.completed', item_id: itemId, content_index: 0, transcript: 'Go forward ten metres.' });
    }, 250 * (words.length + 2));
    setTimeout(() => this.speak(REPLIES.speech, {
      user_transcript: 'Go forward ten metres.', packets: said,
      latency: SPOKEN_LATENCY,
    }), 250 * (words.length + 3));
  }

  speak(text, turn) {
    if (this.ended || this.reply) return;
    const itemId = `item_${randomUUID()}`, responseId = `resp_${randomUUID()}`;
    const words = text.split(' ').map((word, i) => ({ text: word, start_ms: i * WORD_MS, end_ms: (i + 1) * WORD_MS - 30 }));
    const part = { response_id: responseId, item_id: itemId, output_index: 0, content_index: 0 };
    const opus = this.opus && turn.packets?.length;
    const frames = opus ? turn.packets : tones(words);
    this.send({ type: 'response.created', response: { id: responseId, status: 'in_progress', output: [] } });
    this.send({ type: 'response.output_item.added', response_id: responseId, output_index: 0, item: { id: itemId, type: 'message', role: 'assistant', status: 'in_progress', content: [] } });
    this.send({ type: 'conversation.item.added', previous_item_id: null, item: { id: itemId, type: 'message', role: 'assistant', content: [] } });
    this.reply = { ...part, text, words, turn, frames, sent: 0, began: Date.now() };
    if (this.textOnly) {
      this.send({ type: 'response.output_text.delta', ...part, delta: text });
      this.send({ type: 'response.output_text.done', ...part, text });
      return this.finish('completed', text);
    }
    const half = text.indexOf(' ', text.length / 2);
    const count = text.slice(0, half).split(' ').length;
    this.piece(text.slice(0, half), words.slice(0, count));
    this.move('speaking');
    setTimeout(() => this.reply?.item_id === itemId && this.piece(text.slice(half), words.slice(count)), (words.length * WORD_MS) / 3);
    this.pacer = setInterval(() => this.pace(), FRAME_MS);
  }

  piece(delta, words) {
    const { response_id, item_id, output_index, content_index } = this.reply;
    this.send({ type: 'response.output_audio_transcript.delta', response_id, item_id, output_index, content_index, delta });
    this.send({ type: 'repartee.alignment', item_id, words });
  }

  pace() {
    const { reply } = this;
    const due = Math.min(reply.frames.length, (Date.now() - reply.began + LEAD_MS) / FRAME_MS);
    while (reply.sent < due) this.wire.binary(reply.frames[reply.sent++]);
    if (Date.now() - reply.began >= reply.frames.length * FRAME_MS + LEAD_MS / 2) this.finish('completed', reply.text);
  }

  cut(status, reason) {
    const { reply } = this;
    if (!reply) return;
    clearInterval(this.pacer);
    this.reply = null;
    this.send({ type: 'response.done', response: { id: reply.response_id, status: 'cancelled', status_details: { type: 'cancelled', reason }, output: [{ id: reply.item_id, type: 'message', role: 'assistant' }] } });
    const index = this.turnIndex++;
    // The client's playback position arrives in the meantime.
    setTimeout(() => {
      const playedMs = this.playback?.item_id === reply.item_id ? this.playback.played_ms : 0;
      const heard = reply.words.filter((word) => (word.start_ms + word.end_ms) / 2 <= playedMs).map((word) => word.text).join(' ');
      this.row(index, reply, status, heard, playedMs);
    }, 120);
  }

  finish(status, heard) {
    const { reply } = this;
    clearInterval(this.pacer);
    this.reply = null;
    const { response_id, item_id, output_index, content_index } = reply;
    if (!this.textOnly) {
      this.send({ type: 'response.output_audio.done', response_id, item_id, output_index, content_index });
      this.send({ type: 'response.output_audio_transcript.done', response_id, item_id, output_index, content_index, transcript: reply.text });
    }
    this.send({ type: 'response.done', response: { id: response_id, status, output: [{ id: item_id, type: 'message', role: 'assistant' }] } });
    this.move('idle');
    this.row(this.turnIndex++, reply, status, heard, reply.frames.length * FRAME_MS);
  }

  row(turnIndex, { turn, text }, status, heard, heardMs) {
    this.send({
      type: 'repartee.turn', turn_index: turnIndex, revision: 0, user_transcript: turn.user_transcript ?? '', llm_response: text, heard_response: heard,
      heard_ms: heardMs, status, endpointing_ms: null, asr_latency_ms: null, rag_latency_ms: null, llm_latency_ms: null, ...turn.latency, total_cost: '0.00000000',
    });
  }

  closed() {
    this.ended = true;
    clearInterval(this.pacer);
  }
}

/** A tone a word, with silence between, as 20 ms frames of s16le. */
function tones(words) {
  const samples = Math.round((words.at(-1).end_ms + 100) * RATE_HZ / 1000);
  const all = Buffer.alloc(Math.ceil(samples / 480) * 960);
  for (const [i, word] of words.entries()) {
    const hz = 150 + 25 * (i % 5);
    const from = (word.start_ms * RATE_HZ) / 1000, until = (word.end_ms * RATE_HZ) / 1000;
    for (let n = from; n < until; n++) {
      const shape = Math.sin((Math.PI * (n - from)) / (until - from));
      all.writeInt16LE(Math.round(9000 * shape * Math.sin((2 * Math.PI * hz * n) / RATE_HZ)), 2 * n);
    }
  }
  return Array.from({ length: all.length / 960 }, (_, i) => all.subarray(i * 960, (i + 1) * 960));
}
