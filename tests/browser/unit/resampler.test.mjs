import assert from 'node:assert/strict';
import { test } from 'node:test';
import { floatsFromPcm16, pcm16FromFloats, Resampler } from '../../../web/js/resampler.js';

const sine = (hz, rate, count) => Float32Array.from({ length: count }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate));
const rms = (samples) => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);

function convert(from, to, input, piece = input.length) {
  const resampler = new Resampler(from, to);
  const out = [];
  for (let at = 0; at < input.length; at += piece) out.push(...resampler.process(input.subarray(at, at + piece)));
  return Float32Array.from(out);
}

for (const [from, to] of [[48000, 24000], [24000, 48000], [44100, 48000], [48000, 16000], [16000, 48000], [44100, 24000]]) {
  test(`${from} to ${to} Hz keeps a tone’s length, level and pitch`, () => {
    const out = convert(from, to, sine(440, from, from));
    assert.ok(Math.abs(out.length - to) < 60, `${out.length} samples`);
    const middle = out.subarray(to / 4, (3 * to) / 4);
    assert.ok(Math.abs(rms(middle) - Math.SQRT1_2) < 0.005, `level ${rms(middle)}`);
    let crossings = 0;
    for (let i = 1; i < middle.length; i++) if (middle[i - 1] < 0 && middle[i] >= 0) crossings++;
    assert.ok(Math.abs(crossings - 220) <= 1, `${crossings} periods in half a second`);
  });
}

test('going down removes what would alias', () => {
  const out = convert(48000, 16000, sine(11000, 48000, 48000));
  assert.ok(rms(out.subarray(1000)) < 0.01);
});

test('pieces of any size give the same as one', () => {
  const input = sine(300, 44100, 10000);
  const whole = convert(44100, 48000, input);
  for (const piece of [1, 128, 997]) assert.deepEqual(convert(44100, 48000, input, piece), whole);
});

test('equal rates pass through', () => {
  const input = sine(300, 48000, 100);
  assert.equal(new Resampler(48000, 48000).process(input), input);
});

test('s16le goes there and back, clips, and ignores half a sample', () => {
  const bytes = pcm16FromFloats(Float32Array.of(0, 0.5, -0.5, 2, -2));
  assert.deepEqual([...floatsFromPcm16(bytes)].map((x) => Math.round(x * 100) / 100), [0, 0.5, -0.5, 1, -1]);
  assert.equal(floatsFromPcm16(bytes.subarray(0, 3)).length, 1);
});
