import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breakdown, formatMs, layOut, sharedScale } from '../../../web/js/waterfall.js';

// A turn of the real server, whose reply was begun before the endpoint was certain.
const TURN = {
  endpointing_ms: 531, asr_latency_ms: 142, rag_latency_ms: null, llm_latency_ms: 1, tts_latency_ms: 535, total_latency_ms: 852,
  timeline: {
    speech_end: 0, asr_start: 172, asr_end: 314, endpoint: 531, requested: 531, llm_start: 314, llm_first_token: 316, llm_end: 316,
    tts_start: 316, tts_first_audio: 851, tts_end: 2882, first_frame: 852,
  },
};
const WITHOUT_TIMELINE = { endpointing_ms: 500, asr_latency_ms: 60, llm_latency_ms: 40, tts_latency_ms: 195, total_latency_ms: 800 };
const spans = ({ stages }) => Object.fromEntries(stages.map(({ key, startMs, ms }) => [key, [startMs, startMs + ms]]));

test('each stage stands where it was in time, overlapping ones too', () => {
  const parts = breakdown(TURN);
  assert.deepEqual(spans(parts), { endpointing: [0, 531], asr: [172, 314], llm: [314, 316], tts: [316, 851] });
  assert.equal(parts.totalMs, 852);
  assert.equal(parts.spoken, true);
});

test('nothing is drawn beyond the moment the reply became audible', () => {
  const { rows, audiblePercent } = layOut(breakdown(TURN), { lengthMs: 1000, stepMs: 250 });
  assert.equal(audiblePercent, 85.2);
  for (const { startPercent, widthPercent } of rows) assert.ok(startPercent + widthPercent <= audiblePercent);
  const speech = rows.find(({ key }) => key === 'tts');
  assert.deepEqual([speech.startPercent, speech.widthPercent], [31.6, 53.5]);
});

test('a greeting counts from its request and has no stages of listening', () => {
  const parts = breakdown({ tts_latency_ms: 903, total_latency_ms: 918, timeline: { requested: 0, llm_first_token: 13, tts_start: 13, tts_first_audio: 917, first_frame: 918 } });
  assert.deepEqual(spans(parts), { tts: [13, 917] });
  assert.equal(parts.spoken, false);
});

test('what began before the user had finished counts from there', () => {
  const parts = breakdown({ timeline: { speech_end: 0, asr_start: -40, asr_end: 60, llm_start: -90, llm_first_token: -80, first_frame: 500 } });
  assert.deepEqual(spans(parts), { asr: [0, 60] });
});

test('a reply that never became audible has no total, but its stages are told', () => {
  const parts = breakdown({ total_latency_ms: null, timeline: { speech_end: 0, endpoint: 510, asr_start: 100, asr_end: 160 } });
  assert.equal(parts.totalMs, null);
  assert.equal(parts.stages.length, 2);
  assert.equal(layOut(parts, sharedScale([parts])).audiblePercent, null);
});

test('without a timeline the stages follow one another', () => {
  for (const timeline of [undefined, null, {}]) {
    const parts = breakdown({ ...WITHOUT_TIMELINE, timeline });
    assert.deepEqual(spans(parts), { endpointing: [0, 500], asr: [500, 560], llm: [560, 600], tts: [600, 795] });
    assert.equal(parts.spoken, true);
  }
});

test('the scale holds every turn and ends on a round number of few steps', () => {
  assert.deepEqual(sharedScale([breakdown(TURN), breakdown(WITHOUT_TIMELINE)]), { lengthMs: 1000, stepMs: 250 });
  assert.deepEqual(sharedScale([breakdown({ total_latency_ms: 1040 })]), { lengthMs: 1500, stepMs: 500 });
  assert.deepEqual(sharedScale([breakdown({ ...WITHOUT_TIMELINE, tts_latency_ms: 2500 })]), { lengthMs: 4000, stepMs: 1000 });
  assert.ok(sharedScale([breakdown({ total_latency_ms: 1e6 })]).lengthMs >= 1e6);
});

test('quick turns do not look slow', () => {
  assert.equal(sharedScale([breakdown({ tts_latency_ms: 10, total_latency_ms: 10 })]).lengthMs, 800);
});

test('the axis says how long it is', () => {
  const labels = (scale) => layOut(breakdown(TURN), scale).ticks.map(({ label }) => label);
  assert.deepEqual(labels({ lengthMs: 1000, stepMs: 250 }), ['0', '250', '500', '750', '1000 ms']);
  assert.deepEqual(labels({ lengthMs: 3000, stepMs: 1000 }), ['0', '1', '2', '3 s']);
});

test('a row without latencies has no waterfall', () => {
  assert.equal(breakdown({ status: 'failed', total_latency_ms: null }), null);
  assert.equal(breakdown({ status: 'failed', total_latency_ms: null, timeline: { requested: 0 } }), null);
});

test('numbers sent as text are numbers, and nonsense is left out', () => {
  assert.deepEqual(spans(breakdown({ tts_latency_ms: '12.5' })), { tts: [0, 12.5] });
  assert.equal(breakdown({ tts_latency_ms: -5, llm_latency_ms: 'x' }), null);
  assert.equal(breakdown({ timeline: { asr_start: 'soon', asr_end: 5 } }), null);
});

test('milliseconds are told with the precision they deserve', () => {
  assert.deepEqual([4.12, 61.5, 9999, 12345].map(formatMs), ['4.1 ms', '62 ms', '9999 ms', '12.3 s']);
});
