import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlayQueue } from '../../../web/js/play_queue.js';

const RATE = 48000;
const JITTER = 2880; // 60 ms
const ramp = (count, from = 0) => Float32Array.from({ length: count }, (_, i) => (from + i + 1) / 1e6);
const ones = (count) => new Float32Array(count).fill(0.5);

function render(queue, count) {
  const out = new Float32Array(count);
  for (let at = 0; at < count; at += 128) queue.render(out.subarray(at, Math.min(count, at + 128)));
  return out;
}

test('nothing is played before 60 ms have been collected', () => {
  const queue = new PlayQueue(RATE);
  queue.push('a', ones(JITTER - 1));
  assert.deepEqual(render(queue, 256), new Float32Array(256));
  queue.push('a', ones(1));
  assert.equal(render(queue, 128)[0], 0.5);
});

test('an item shorter than the jitter buffer is played once it has ended', () => {
  const queue = new PlayQueue(RATE);
  queue.push('a', ones(100));
  queue.end('a');
  const out = render(queue, 256);
  assert.equal(out.filter((x) => x === 0.5).length, 100);
  assert.deepEqual(queue.finished, [{ itemId: 'a', played: 100 }]);
  assert.equal(queue.position(), null);
});

test('chunks of any size come out as one unbroken stream', () => {
  const queue = new PlayQueue(RATE);
  let from = 0;
  for (const size of [JITTER, 1, 127, 480, 3, 960]) {
    queue.push('a', ramp(size, from));
    from += size;
  }
  assert.deepEqual(render(queue, from), ramp(from));
  assert.equal(queue.position().played, from);
});

test('a following item starts without a gap when it is there in time', () => {
  const queue = new PlayQueue(RATE);
  queue.push('a', ones(JITTER));
  queue.end('a');
  queue.push('b', ones(JITTER));
  const out = render(queue, 2 * JITTER);
  assert.ok(out.every((x) => x === 0.5));
  assert.deepEqual(queue.finished, [{ itemId: 'a', played: JITTER }]);
});

test('running dry is counted and audio is collected again before it goes on', () => {
  const queue = new PlayQueue(RATE);
  queue.push('a', ones(JITTER));
  render(queue, JITTER + 128);
  assert.equal(queue.underruns, 1);
  queue.push('a', ones(480));
  assert.equal(render(queue, 128)[0], 0);
  queue.push('a', ones(JITTER));
  assert.equal(render(queue, 128)[0], 0.5);
  assert.equal(queue.position().played, JITTER + 128);
});

test('a flush gives the exact position, fades within 5 ms and leaves silence', () => {
  const queue = new PlayQueue(RATE);
  queue.push('a', ones(2 * JITTER));
  render(queue, 1280);
  assert.deepEqual(queue.flush(), { itemId: 'a', played: 1280, buffered: 2 * JITTER - 1280 });
  const out = render(queue, 512);
  for (let i = 1; i < 240; i++) assert.ok(out[i] < out[i - 1], 'falls at every sample');
  assert.equal(out[239], 0);
  assert.ok(out.subarray(240).every((x) => x === 0));
  assert.equal(queue.playedTotal, 1280, 'the fade does not count as played');
});

test('a flush of nothing says so', () => {
  const queue = new PlayQueue(RATE);
  assert.equal(queue.flush(), null);
});

test('audio that was waiting and never played is cut at zero, without a sound', () => {
  const queue = new PlayQueue(RATE);
  queue.push('a', ones(100));
  assert.deepEqual(queue.flush(), { itemId: 'a', played: 0, buffered: 100 });
  assert.ok(render(queue, 256).every((x) => x === 0));
});

test('silence is told from sound', () => {
  const queue = new PlayQueue(RATE);
  queue.push('a', new Float32Array(JITTER));
  queue.push('a', ones(1000));
  queue.end('a');
  render(queue, JITTER + 1024);
  assert.equal(queue.playedTotal, JITTER + 1000);
  assert.equal(queue.nonSilentTotal, 1000);
});

test('a server that sends without end is bounded', () => {
  const queue = new PlayQueue(RATE);
  for (let i = 0; i < 70; i++) queue.push('a', new Float32Array(RATE));
  assert.ok(queue.buffered <= 60 * RATE);
  assert.equal(queue.droppedTotal, 10 * RATE);
});
