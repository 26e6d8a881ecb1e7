// Human speech, from Debian's pocketsphinx-testdata (16 kHz mono s16le), as a microphone gives it: in real time, with silence around it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { floatsFromPcm16, pcm16FromFloats, Resampler } from '../../../web/js/resampler.js';

const DIRECTORY = process.env.REPARTEE_SPEECH_DIR ?? '/usr/share/pocketsphinx/test/data';
const RECORDED_HZ = 16000;
export const MICROPHONE_HZ = 24000;
const FRAME_MS = 40;
const FRAME_BYTES = (MICROPHONE_HZ / 1000) * FRAME_MS * 2;

const recorded = (name) => Buffer.from(pcm16FromFloats(new Resampler(RECORDED_HZ, MICROPHONE_HZ).process(floatsFromPcm16(readFileSync(join(DIRECTORY, name))))));

/** "Go forward ten meters." */
export const goForward = () => recorded('goforward.raw');
/** Somebody counts. */
export const numbers = () => recorded('numbers.raw');

/** An open microphone: silence, but for what say() puts in. `send` gets s16le at MICROPHONE_HZ, a frame at a time. */
export class Microphone {
  #waiting = Buffer.alloc(0);
  #sent = 0;
  constructor(send) {
    const began = Date.now();
    this.timer = setInterval(() => {
      // By the clock, not by the timer's own ticks, which come late on a busy machine.
      while (this.#sent * FRAME_MS < Date.now() - began) {
        const frame = Buffer.alloc(FRAME_BYTES);
        this.#waiting.copy(frame);
        this.#waiting = this.#waiting.subarray(FRAME_BYTES);
        this.#sent++;
        send(frame);
      }
    }, FRAME_MS / 2);
  }
  say(pcm) {
    this.#waiting = Buffer.concat([this.#waiting, pcm]);
  }
  close() {
    clearInterval(this.timer);
  }
}
