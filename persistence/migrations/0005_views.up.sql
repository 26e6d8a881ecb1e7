-- For analysts: conversations as flat rows, and latency, cost, interruptions and cache hits by time. Hours and days are UTC.
-- security_invoker: a view shows what its reader may see of the tables. repartee_analyst is granted the columns named here and no
-- others (access.sql), so no view holds what was said. Only tables of 0001.

CREATE VIEW turns_flat WITH (security_invoker) AS
SELECT t.id AS turn_id, t.session_id, t.user_id, s.echo_id, s.node, s.asr_provider, s.llm_provider, s.tts_provider,
       s.started_at AS session_started_at, t.turn_index, t.revision, t.status, t.cancel_reason, t.heard_ms,
       t.endpointing_ms, t.asr_latency_ms, t.rag_latency_ms, t.llm_latency_ms, t.tts_latency_ms, t.total_latency_ms,
       t.asr_cost, t.rag_cost, t.llm_cost, t.tts_cost, t.total_cost,
       t.asr_audio_ms, t.llm_input_tokens, t.llm_output_tokens, t.tts_characters,
       t.cache_hits, t.speculative_waste, t.started_at, t.ended_at
FROM conversation_turns AS t JOIN conversation_sessions AS s ON s.id = t.session_id
WHERE s.deleted_at IS NULL;

-- One row an hour, stage and provider. A stage that did not run in a turn is not counted in `turns`. Stages without a provider of their
-- own (endpointing, rag, total) have ''. The percentiles are interpolated (percentile_cont),
-- to a tenth of a millisecond.
CREATE VIEW latency_by_hour WITH (security_invoker) AS
SELECT date_trunc('hour', f.started_at, 'UTC') AS hour, m.stage, m.provider, count(*) AS turns,
       round(percentile_cont(0.50) WITHIN GROUP (ORDER BY m.ms)::numeric, 1) AS p50_ms,
       round(percentile_cont(0.90) WITHIN GROUP (ORDER BY m.ms)::numeric, 1) AS p90_ms,
       round(percentile_cont(0.95) WITHIN GROUP (ORDER BY m.ms)::numeric, 1) AS p95_ms,
       round(percentile_cont(0.99) WITHIN GROUP (ORDER BY m.ms)::numeric, 1) AS p99_ms
FROM turns_flat AS f
CROSS JOIN LATERAL (VALUES ('endpointing', '', f.endpointing_ms), ('asr', f.asr_provider, f.asr_latency_ms), ('rag', '', f.rag_latency_ms),
                           ('llm', f.llm_provider, f.llm_latency_ms), ('tts', f.tts_provider, f.tts_latency_ms),
                           ('total', '', f.total_latency_ms)) AS m(stage, provider, ms)
WHERE m.ms IS NOT NULL
GROUP BY 1, 2, 3;

CREATE VIEW cost_by_user_day WITH (security_invoker) AS
SELECT user_id, (started_at AT TIME ZONE 'UTC')::date AS day, count(DISTINCT session_id) AS sessions, count(*) AS turns,
       sum(asr_cost) AS asr_cost, sum(rag_cost) AS rag_cost, sum(llm_cost) AS llm_cost, sum(tts_cost) AS tts_cost, sum(total_cost) AS total_cost,
       sum(asr_audio_ms)::bigint AS asr_audio_ms, sum(llm_input_tokens)::bigint AS llm_input_tokens,
       sum(llm_output_tokens)::bigint AS llm_output_tokens, sum(tts_characters)::bigint AS tts_characters
FROM turns_flat
GROUP BY 1, 2;

-- share: of the hour's turns. heard_ms_average: how much of an interrupted reply was heard before.
CREATE VIEW interruptions_by_hour WITH (security_invoker) AS
SELECT date_trunc('hour', started_at, 'UTC') AS hour, count(*) AS turns, count(*) FILTER (WHERE status = 'interrupted') AS interrupted,
       round(count(*) FILTER (WHERE status = 'interrupted')::numeric / count(*), 4) AS share,
       round(avg(heard_ms) FILTER (WHERE status = 'interrupted'), 1) AS heard_ms_average
FROM turns_flat
GROUP BY 1;

-- One row a day and key of cache_hits, whatever keys there are. hits: turns in which that cache answered; turns: all of the day's.
CREATE VIEW cache_hits_by_day WITH (security_invoker) AS
WITH days AS (SELECT (started_at AT TIME ZONE 'UTC')::date AS day, cache_hits FROM turns_flat),
     totals AS (SELECT day, count(*) AS turns FROM days GROUP BY 1),
     hits AS (SELECT d.day, h.key AS cache, count(*) FILTER (WHERE h.value NOT IN ('false', 'null', '0', '""', '[]', '{}')) AS hits
              FROM days AS d CROSS JOIN LATERAL jsonb_each(CASE jsonb_typeof(d.cache_hits) WHEN 'object' THEN d.cache_hits ELSE '{}' END) AS h
              GROUP BY 1, 2)
SELECT hits.day, hits.cache, hits.hits, totals.turns, round(hits.hits::numeric / totals.turns, 4) AS share
FROM hits JOIN totals USING (day);
