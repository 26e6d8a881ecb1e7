import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breakdown, formatMs, layOut, sharedScaleMs } from '../../../web/js/waterfall.js';

const TURN = { endpointing_ms: 500, asr_latency_ms: 60, rag_latency_ms: 5, llm_latency_ms: 40, tts_latency_ms: 195, total_latency_ms: 800 };

test('the stages follow one another and fill the total', () => {
  const parts = breakdown(TURN);
  assert.deepEqual(parts.segments.map(({ key }) => key), ['endpointing', 'asr', 'rag', 'llm', 'tts']);
  const { bars, totalPercent } = layOut(parts, 1600);
  assert.equal(bars[0].startPercent, 0);
  for (let i = 1; i < bars.length; i++) assert.ok(Math.abs(bars[i].startPercent - bars[i - 1].startPercent - bars[i - 1].widthPercent) < 1e-9);
  assert.equal(totalPercent, 50);
});

test('stages that did not happen are left out', () => {
  const parts = breakdown({ endpointing_ms: null, asr_latency_ms: null, tts_latency_ms: 84, total_latency_ms: 84 });
  assert.deepEqual(parts.segments.map(({ key }) => key), ['tts']);
});

test('time that no stage accounts for is shown', () => {
  const parts = breakdown({ ...TURN, total_latency_ms: 850 });
  assert.deepEqual(parts.segments.at(-1), { key: 'rest', label: 'Other', meaning: 'queues and the network', ms: 50 });
  assert.equal(breakdown({ ...TURN, total_latency_ms: 803 }).segments.at(-1).key, 'tts', 'rounding is not');
});

test('overlapping stages make the scale wide enough for their sum', () => {
  const parts = breakdown({ ...TURN, total_latency_ms: 700 });
  assert.equal(parts.totalMs, 700);
  assert.equal(sharedScaleMs([parts, breakdown({ tts_latency_ms: 10 })]), 800);
  assert.equal(sharedScaleMs([breakdown({ ...TURN, llm_latency_ms: 1040 })]), 1800);
});

test('quick turns do not look slow', () => {
  assert.equal(sharedScaleMs([breakdown({ tts_latency_ms: 10, total_latency_ms: 10 })]), 800);
});

test('a row without latencies has no waterfall', () => {
  assert.equal(breakdown({ status: 'failed', total_latency_ms: null }), null);
});

test('numbers sent as text are numbers, and nonsense is left out', () => {
  assert.equal(breakdown({ tts_latency_ms: '12.5' }).totalMs, 12.5);
  assert.equal(breakdown({ tts_latency_ms: -5, llm_latency_ms: 'x' }), null);
});

test('milliseconds are told with the precision they deserve', () => {
  assert.deepEqual([4.12, 61.5, 9999, 12345].map(formatMs), ['4.1 ms', '62 ms', '9999 ms', '12.3 s']);
});
