// Models that say what pipeline/providers/scripted.cpp says, after the same delays, and cost next to nothing.
import { llm, stt, tts } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';

export const rate = 24000;
const transcript = 'Hello, how are you today?';
const answer = 'This is a scripted answer. It is always the same, so that tests know what to expect.';
const delaysMs = { transcript: 30, firstToken: 20, firstAudio: 20 };
const msPerCharacter = 60, pieceMs = 100;
const loud = 500; // of 32768, as bench/clips.cpp counts speech
const quietMsForFinal = 300; // no recording of the bench pauses for longer
const captionEveryMs = 500;

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function isLoud(samples) {
  for (let i = 0; i < samples.length; ++i) if (samples[i] > loud || samples[i] < -loud) return true;
  return false;
}

// A 140 Hz buzz whose loudness follows syllables, four a second; one second of it.
function buzz() {
  const samples = new Int16Array(rate);
  for (let i = 0; i < rate; ++i) {
    const t = (i / rate) * 2 * Math.PI;
    let tone = 0;
    for (let harmonic = 1; harmonic <= 8; ++harmonic) tone += Math.sin(t * 140 * harmonic) / harmonic;
    samples[i] = (((4000 * tone) / 1.9) * (0.6 - 0.4 * Math.cos(t * 4))) | 0;
  }
  return samples;
}
const voice = buzz();

// A recogniser that hears for itself when speech is over: captions while it lasts, the transcript 300 ms after it, before voice activity
// says so. That is the best a recogniser at the other end of a stream can do for the agent.
class ScriptedSttStream extends stt.SpeechStream {
  label = 'scripted';
  async run() {
    let loudSince = null, quietMs = 0, captionedMs = 0, heardMs = 0;
    for await (const frame of this.input) {
      if (typeof frame === 'symbol') continue;
      const ms = (frame.samplesPerChannel / frame.sampleRate) * 1000;
      heardMs += ms;
      if (isLoud(frame.data)) {
        loudSince ??= captionedMs = heardMs;
        quietMs = 0;
        if (heardMs - captionedMs >= captionEveryMs) {
          captionedMs = heardMs;
          this.say(stt.SpeechEventType.INTERIM_TRANSCRIPT);
        }
      } else if (loudSince !== null && (quietMs += ms) >= quietMsForFinal) {
        loudSince = null;
        setTimeout(() => this.say(stt.SpeechEventType.FINAL_TRANSCRIPT), delaysMs.transcript);
      }
    }
  }
  say(type) {
    if (!this.queue.closed) this.queue.put({ type, alternatives: [{ text: transcript, language: 'en', startTime: 0, endTime: 0, confidence: 1 }] });
  }
}

export class ScriptedStt extends stt.STT {
  label = 'scripted';
  constructor() {
    super({ streaming: true, interimResults: true });
  }
  async _recognize() {
    throw new Error('streams only');
  }
  stream(options) {
    return new ScriptedSttStream(this, undefined, options?.connOptions);
  }
}

class ScriptedLlmStream extends llm.LLMStream {
  async run() {
    await after(delaysMs.firstToken);
    for (const word of answer.match(/\S+ ?/g)) this.queue.put({ id: 'scripted', delta: { role: 'assistant', content: word } });
  }
}

export class ScriptedLlm extends llm.LLM {
  label() {
    return 'scripted';
  }
  chat({ chatCtx, toolCtx, connOptions = { maxRetry: 0, retryIntervalMs: 0, timeoutMs: 10000 } }) {
    return new ScriptedLlmStream(this, { chatCtx, toolCtx, connOptions });
  }
}

class ScriptedTtsStream extends tts.SynthesizeStream {
  label = 'scripted';
  async run() {
    let text = '';
    for await (const piece of this.input) if (typeof piece === 'string') text += piece;
    await after(delaysMs.firstAudio);
    const samples = Math.round((text.length * msPerCharacter * rate) / 1000), size = (pieceMs * rate) / 1000;
    for (let at = 0; at < samples && !this.abortSignal.aborted; at += size) {
      const from = at % rate, count = Math.min(size, samples - at, rate - from);
      const frame = new AudioFrame(voice.subarray(from, from + count), rate, 1, count);
      this.queue.put({ requestId: 'scripted', segmentId: 'scripted', frame, final: at + size >= samples });
    }
    this.queue.put(tts.SynthesizeStream.END_OF_STREAM);
  }
}

export class ScriptedTts extends tts.TTS {
  label = 'scripted';
  constructor() {
    super(rate, 1, { streaming: true });
  }
  synthesize() {
    throw new Error('streams only');
  }
  stream(options) {
    return new ScriptedTtsStream(this, options?.connOptions);
  }
}
