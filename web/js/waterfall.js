// Where the time of a turn went: each stage's place on a scale that starts when the user stopped speaking. Pure.
// The server begins stages early and throws wrong guesses away, so stages overlap and their sum says nothing.

// from, to: the names in the row's `timeline`; field: the stage's duration, for rows without one.
const STAGES = [
  { key: 'endpointing', from: 'speech_end', to: 'endpoint', field: 'endpointing_ms', label: 'Endpointing', meaning: 'waiting to be sure you had finished' },
  { key: 'asr', from: 'asr_start', to: 'asr_end', field: 'asr_latency_ms', label: 'Recognition', meaning: 'turning your speech into text' },
  { key: 'rag', from: 'rag_start', to: 'rag_end', field: 'rag_latency_ms', label: 'Retrieval', meaning: 'looking in the knowledge' },
  { key: 'llm', from: 'llm_start', to: 'llm_first_token', field: 'llm_latency_ms', label: 'Model', meaning: 'time to its first words' },
  { key: 'tts', from: 'tts_start', to: 'tts_first_audio', field: 'tts_latency_ms', label: 'Speech', meaning: 'time to its first sound' },
];

const SCALE_MIN_MS = 800; // a quick turn looks quick
const INTERVALS_MAX = 4; // so that their labels fit on a phone
const STEPS_MS = [200, 250, 500, 1000, 2000, 2500, 5000, 10000, 15000, 30000, 60000];

function milliseconds(value) {
  const number = typeof value === 'string' ? Number(value) : value;
  return Number.isFinite(number) && number >= 0 ? number : null;
}

/**
 * {totalMs, spoken, stages: [{key, label, meaning, startMs, ms}]} of a row of conversation_turns; null when it holds no latency.
 * totalMs: when the reply became audible, null when it never did; spoken: the clock starts with the end of the user's speech, otherwise
 * with the request. Stages that did not happen are left out.
 */
export function breakdown(turn) {
  const timeline = turn.timeline ?? {};
  const timed = Object.keys(timeline).length > 0;
  const stages = timed ? timedStages(timeline) : stagesInSequence(turn);
  const totalMs = milliseconds(turn.total_latency_ms) ?? milliseconds(timeline.first_frame);
  if (totalMs === null && stages.length === 0) return null;
  const spoken = timed ? Number.isFinite(timeline.speech_end) : milliseconds(turn.endpointing_ms) !== null;
  return { totalMs, spoken, stages };
}

function timedStages(timeline) {
  const stages = [];
  for (const { key, from, to, label, meaning } of STAGES) {
    const [start, end] = [timeline[from], timeline[to]];
    if (!Number.isFinite(start) || !Number.isFinite(end) || end < 0) continue;
    const startMs = Math.max(0, start);
    stages.push({ key, label, meaning, startMs, ms: Math.max(0, end - startMs) });
  }
  return stages;
}

// Without a timeline only the durations are known, so the stages are taken to have followed one another.
function stagesInSequence(turn) {
  const stages = [];
  let startMs = 0;
  for (const { key, field, label, meaning } of STAGES) {
    const ms = milliseconds(turn[field]);
    if (ms === null) continue;
    stages.push({ key, label, meaning, startMs, ms });
    startMs += ms;
  }
  return stages;
}

/** The scale on which all these breakdowns can be compared: {lengthMs, stepMs}. */
export function sharedScale(breakdowns) {
  let neededMs = SCALE_MIN_MS;
  for (const { totalMs, stages } of breakdowns) {
    neededMs = Math.max(neededMs, totalMs ?? 0, ...stages.map(({ startMs, ms }) => startMs + ms));
  }
  const stepMs = STEPS_MS.find((step) => step * INTERVALS_MAX >= neededMs) ?? Math.ceil(neededMs / INTERVALS_MAX);
  return { lengthMs: stepMs * Math.ceil(neededMs / stepMs), stepMs };
}

/**
 * Positions in percent of the scale: {rows: [{...stage, startPercent, widthPercent}], audiblePercent (null: never), ticks: [{percent,
 * label}]}.
 */
export function layOut({ stages, totalMs }, { lengthMs, stepMs }) {
  const percent = (ms) => (100 * ms) / lengthMs;
  const rows = stages.map((stage) => ({ ...stage, startPercent: percent(stage.startMs), widthPercent: percent(stage.ms) }));
  const ticks = [];
  const inSeconds = stepMs >= 1000;
  for (let at = 0; at <= lengthMs; at += stepMs) {
    const unit = at + stepMs > lengthMs ? (inSeconds ? ' s' : ' ms') : '';
    ticks.push({ percent: percent(at), label: `${inSeconds ? at / 1000 : at}${unit}` });
  }
  return { rows, audiblePercent: totalMs === null ? null : percent(totalMs), ticks };
}

export function formatMs(ms) {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  return ms < 9999.5 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
