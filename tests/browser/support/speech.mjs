// Human speech for the fake microphone, made from the recordings of Debian's pocketsphinx-testdata (16 kHz mono s16le).
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { floatsFromPcm16, pcm16FromFloats, Resampler } from '../../../web/js/resampler.js';

const DIRECTORY = process.env.REPARTEE_SPEECH_DIR ?? '/usr/share/pocketsphinx/test/data';
const RECORDED_HZ = 16000;
const WAV_HEADER_BYTES = 44;
export const MICROPHONE_HZ = 48000;

/** A recording of the package, with or without a WAV header, as Float32Array at MICROPHONE_HZ. */
export function recorded(name) {
  const bytes = readFileSync(join(DIRECTORY, name));
  return new Resampler(RECORDED_HZ, MICROPHONE_HZ).process(floatsFromPcm16(name.endsWith('.wav') ? bytes.subarray(WAV_HEADER_BYTES) : bytes));
}

/** "Go forward ten meters." */
export const goForward = () => recorded('goforward.raw');

/** Writes a mono WAV that Chromium plays as a microphone: silence, the speech, silence. */
export function writeMicrophoneWav(path, speech, { beforeS, afterS }) {
  const samples = new Float32Array(speech.length + Math.round((beforeS + afterS) * MICROPHONE_HZ));
  samples.set(speech, Math.round(beforeS * MICROPHONE_HZ));
  const data = pcm16FromFloats(samples);
  const header = Buffer.alloc(WAV_HEADER_BYTES);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + data.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20); // PCM
  header.writeUInt16LE(1, 22); // mono
  header.writeUInt32LE(MICROPHONE_HZ, 24);
  header.writeUInt32LE(2 * MICROPHONE_HZ, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(data.length, 40);
  writeFileSync(path, Buffer.concat([header, data]));
}

/**
 * For page.addInitScript: getUserMedia gives a microphone that is silent until testMicrophone(Base64 of s16le at 48 kHz) speaks into
 * it, so that a test can speak at the right moment instead of guessing the time.
 */
export function installSpeakingMicrophone() {
  let context;
  let output;
  navigator.mediaDevices.getUserMedia = async () => {
    context = new AudioContext({ sampleRate: 48000 });
    output = context.createMediaStreamDestination();
    return output.stream;
  };
  window.testMicrophone = (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const samples = new Int16Array(bytes.buffer);
    const buffer = context.createBuffer(1, samples.length, 48000);
    buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(output);
    source.start();
  };
}

export const asBase64 = (samples) => Buffer.from(pcm16FromFloats(samples)).toString('base64');
