// Where the time of a turn went, laid out as a stacked bar. Pure.

export const STAGES = [
  { key: 'endpointing', field: 'endpointing_ms', label: 'Endpointing', meaning: 'waiting to be sure you had finished' },
  { key: 'asr', field: 'asr_latency_ms', label: 'Recognition', meaning: 'turning your speech into text' },
  { key: 'rag', field: 'rag_latency_ms', label: 'Retrieval', meaning: 'looking in the knowledge' },
  { key: 'llm', field: 'llm_latency_ms', label: 'Model', meaning: 'time to its first words' },
  { key: 'tts', field: 'tts_latency_ms', label: 'Speech', meaning: 'time to the first sound' },
];

// Bars of all turns share one scale so that they can be compared; a quick turn still fills a readable part of it.
const SCALE_MIN_MS = 800;
// Below this an unexplained rest is rounding, not a stage.
const REST_MIN_MS = 5;

function milliseconds(value) {
  const number = typeof value === 'string' ? Number(value) : value;
  return Number.isFinite(number) && number >= 0 ? number : null;
}

/**
 * {totalMs, sumMs, segments: [{key, label, meaning, ms}]} of a row of conversation_turns; null when it holds no latency.
 * Stages that did not happen are left out. Stages may overlap (work is begun early), so their sum may exceed the total.
 */
export function breakdown(turn) {
  const segments = [];
  for (const stage of STAGES) {
    const ms = milliseconds(turn[stage.field]);
    if (ms !== null) segments.push({ key: stage.key, label: stage.label, meaning: stage.meaning, ms });
  }
  const sumMs = segments.reduce((sum, segment) => sum + segment.ms, 0);
  const totalMs = milliseconds(turn.total_latency_ms) ?? (segments.length ? sumMs : null);
  if (totalMs === null) return null;
  if (totalMs - sumMs > REST_MIN_MS) segments.push({ key: 'rest', label: 'Other', meaning: 'queues and the network', ms: totalMs - sumMs });
  return { totalMs, sumMs, segments };
}

/** The scale that fits all these breakdowns. */
export function sharedScaleMs(breakdowns) {
  return breakdowns.reduce((scale, { totalMs, sumMs }) => Math.max(scale, totalMs, sumMs), SCALE_MIN_MS);
}

/** Positions in percent of the scale: [{key, label, meaning, ms, startPercent, widthPercent}] and the total's mark. */
export function layOut({ segments, totalMs }, scaleMs) {
  let start = 0;
  const bars = segments.map((segment) => {
    const bar = { ...segment, startPercent: (100 * start) / scaleMs, widthPercent: (100 * segment.ms) / scaleMs };
    start += segment.ms;
    return bar;
  });
  return { bars, totalPercent: (100 * totalMs) / scaleMs };
}

export function formatMs(ms) {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  return ms < 9999.5 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
