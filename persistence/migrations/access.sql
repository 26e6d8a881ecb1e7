-- Who may do what: grants and row-level security policies of the server's roles. Not numbered: it is applied again, as a whole, whenever
-- it or the schema changed, and only where the roles exist (see migrate.hpp). So each statement must be repeatable.
--   repartee_app       requests; sees and changes its own rows (app.user_id), reads public ones
--   repartee_recorder  writes sessions, turns, messages and audit lines of any user
--   repartee_backup    reads everything;  repartee_analyst: the views of a later migration

REVOKE ALL ON users, echos, conversation_sessions, messages, conversation_turns, audit_logs
  FROM PUBLIC, repartee_app, repartee_recorder, repartee_analyst, repartee_backup;
GRANT SELECT ON users, echos, conversation_sessions, messages, conversation_turns, audit_logs TO repartee_backup;

GRANT SELECT, INSERT, UPDATE ON users TO repartee_app;
DROP POLICY IF EXISTS users_own ON users;
CREATE POLICY users_own ON users TO repartee_app USING (id = app_user_id()) WITH CHECK (id = app_user_id());

GRANT SELECT, INSERT, UPDATE, DELETE ON echos TO repartee_app;
DROP POLICY IF EXISTS echos_own ON echos;
CREATE POLICY echos_own ON echos TO repartee_app USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
DROP POLICY IF EXISTS echos_public ON echos;
CREATE POLICY echos_public ON echos FOR SELECT TO repartee_app USING (visibility = 'public' AND deleted_at IS NULL);

GRANT SELECT, DELETE, UPDATE (deleted_at) ON conversation_sessions TO repartee_app;
DROP POLICY IF EXISTS sessions_own ON conversation_sessions;
CREATE POLICY sessions_own ON conversation_sessions TO repartee_app USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
GRANT SELECT, INSERT, UPDATE ON conversation_sessions TO repartee_recorder;
DROP POLICY IF EXISTS sessions_recorded ON conversation_sessions;
CREATE POLICY sessions_recorded ON conversation_sessions TO repartee_recorder USING (true) WITH CHECK (true);

-- The clone of a message must be one its writer can see: the subquery is itself subject to the policies of echos.
GRANT SELECT, INSERT, DELETE ON messages TO repartee_app;
DROP POLICY IF EXISTS messages_own ON messages;
CREATE POLICY messages_own ON messages TO repartee_app USING (user_id = app_user_id())
  WITH CHECK (user_id = app_user_id() AND EXISTS (SELECT FROM echos WHERE echos.id = messages.echo_id));
GRANT SELECT, INSERT, UPDATE ON messages TO repartee_recorder;
DROP POLICY IF EXISTS messages_recorded ON messages;
CREATE POLICY messages_recorded ON messages TO repartee_recorder USING (true) WITH CHECK (true);

GRANT SELECT, DELETE ON conversation_turns TO repartee_app;
DROP POLICY IF EXISTS turns_own ON conversation_turns;
CREATE POLICY turns_own ON conversation_turns TO repartee_app USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id());
GRANT SELECT, INSERT, UPDATE ON conversation_turns TO repartee_recorder;
DROP POLICY IF EXISTS turns_recorded ON conversation_turns;
CREATE POLICY turns_recorded ON conversation_turns TO repartee_recorder USING (true) WITH CHECK (true);

GRANT SELECT, INSERT ON audit_logs TO repartee_app;
DROP POLICY IF EXISTS audit_own ON audit_logs;
CREATE POLICY audit_own ON audit_logs FOR SELECT TO repartee_app USING (user_id = app_user_id());
DROP POLICY IF EXISTS audit_append ON audit_logs;
CREATE POLICY audit_append ON audit_logs FOR INSERT TO repartee_app WITH CHECK (user_id IS NULL OR user_id = app_user_id());
GRANT INSERT ON audit_logs TO repartee_recorder;
DROP POLICY IF EXISTS audit_recorded ON audit_logs;
CREATE POLICY audit_recorded ON audit_logs FOR INSERT TO repartee_recorder WITH CHECK (true);
GRANT EXECUTE ON FUNCTION audit_logs_make_partition(timestamptz) TO repartee_recorder;

-- ---- people, voices and faces, knowledge, synthesis (0002) ----

-- All of them alike: own rows, whatever one does; nobody else's. What is public is added below.
DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['auth_sessions', 'api_keys', 'subscriptions', 'usage_metrics', 'voice_samples', 'voice_embeddings', 'voice_models',
                           'face_models', 'knowledge_documents', 'knowledge_chunks', 'synthesis_jobs', 'audio_files', 'audio_alignments',
                           'generation_history'] LOOP
    EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, repartee_app, repartee_recorder, repartee_analyst, repartee_backup', t);
    EXECUTE format('GRANT SELECT ON %I TO repartee_backup', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO repartee_app', t);
    EXECUTE format('DROP POLICY IF EXISTS own ON %I', t);
    EXECUTE format('CREATE POLICY own ON %I TO repartee_app USING (user_id = app_user_id()) WITH CHECK (user_id = app_user_id())', t);
  END LOOP;
END $$;
GRANT DELETE ON users TO repartee_app;  -- one's own row, as users_own says: what erasure ends with

DROP POLICY IF EXISTS public_read ON voice_samples;
CREATE POLICY public_read ON voice_samples FOR SELECT TO repartee_app USING (is_public AND deleted_at IS NULL);
DROP POLICY IF EXISTS public_read ON voice_embeddings;
CREATE POLICY public_read ON voice_embeddings FOR SELECT TO repartee_app
  USING (EXISTS (SELECT FROM voice_samples AS s WHERE s.id = sample_id AND s.is_public AND s.deleted_at IS NULL));
DROP POLICY IF EXISTS public_read ON audio_files;
CREATE POLICY public_read ON audio_files FOR SELECT TO repartee_app USING (is_public AND expires_at > now());
DROP POLICY IF EXISTS public_read ON audio_alignments;
CREATE POLICY public_read ON audio_alignments FOR SELECT TO repartee_app
  USING (EXISTS (SELECT FROM audio_files AS f WHERE f.id = audio_file_id AND f.is_public AND f.expires_at > now()));
GRANT EXECUTE ON FUNCTION audio_file_downloaded(uuid) TO repartee_app;

-- Turns count what they used.
GRANT SELECT, INSERT, UPDATE ON usage_metrics TO repartee_recorder;
DROP POLICY IF EXISTS recorded ON usage_metrics;
CREATE POLICY recorded ON usage_metrics TO repartee_recorder USING (true) WITH CHECK (true);

GRANT EXECUTE ON FUNCTION user_of_email(text), user_of_external_id(text), user_of_refresh_hash(text), user_of_key_hash(text) TO repartee_app;

-- ---- 0005: the analysts' views, and what a backup must read ----
-- Columns, not tables: an analyst sees figures of everybody, and nothing that was said.
REVOKE ALL ON turns_flat, latency_by_hour, cost_by_user_day, interruptions_by_hour, cache_hits_by_day
  FROM PUBLIC, repartee_app, repartee_recorder, repartee_analyst, repartee_backup;
GRANT SELECT ON turns_flat, latency_by_hour, cost_by_user_day, interruptions_by_hour, cache_hits_by_day TO repartee_analyst, repartee_backup;
GRANT SELECT (id, echo_id, node, asr_provider, llm_provider, tts_provider, started_at, deleted_at) ON conversation_sessions TO repartee_analyst;
GRANT SELECT (id, session_id, user_id, turn_index, revision, status, cancel_reason, heard_ms, endpointing_ms, asr_latency_ms, rag_latency_ms,
              llm_latency_ms, tts_latency_ms, total_latency_ms, asr_cost, rag_cost, llm_cost, tts_cost, total_cost, asr_audio_ms,
              llm_input_tokens, llm_output_tokens, tts_characters, cache_hits, speculative_waste, started_at, ended_at)
  ON conversation_turns TO repartee_analyst;
DROP POLICY IF EXISTS sessions_analysed ON conversation_sessions;
CREATE POLICY sessions_analysed ON conversation_sessions FOR SELECT TO repartee_analyst USING (true);
DROP POLICY IF EXISTS turns_analysed ON conversation_turns;
CREATE POLICY turns_analysed ON conversation_turns FOR SELECT TO repartee_analyst USING (true);

-- repartee_backup reads every table there is and will be, partitions too. Where it could not be given BYPASSRLS (a database whose
-- administrator made this schema's user no superuser) the policies let it see every row all the same.
DO $$
DECLARE relation record;
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO repartee_analyst, repartee_backup', current_schema());
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO repartee_backup', current_schema());
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON SEQUENCES TO repartee_backup', current_schema());
  FOR relation IN SELECT c.oid::regclass AS name, c.relrowsecurity AS secured FROM pg_class AS c
                  WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'S') AND pg_has_role(c.relowner, 'USAGE') LOOP
    EXECUTE format('GRANT SELECT ON %s TO repartee_backup', relation.name);
    IF relation.secured THEN
      EXECUTE format('DROP POLICY IF EXISTS backup_reads ON %s', relation.name);
      EXECUTE format('CREATE POLICY backup_reads ON %s FOR SELECT TO repartee_backup USING (true)', relation.name);
    END IF;
  END LOOP;
END $$;

-- ---- rate limits and jobs (0004) ----
-- The buckets are the function's alone. A user's jobs are put in, read and called off by the server as that user; that they are queued or
-- cancelled is all a request may say of them. Workers take and finish them as the owner.
REVOKE ALL ON rate_limits, jobs FROM PUBLIC, repartee_app, repartee_recorder, repartee_analyst, repartee_backup;
GRANT SELECT ON rate_limits, jobs TO repartee_backup;
GRANT EXECUTE ON FUNCTION rate_limit_take(text, text, double precision, double precision, double precision, double precision) TO repartee_app;
GRANT SELECT, INSERT, UPDATE (status, cancel_asked, finished_at, expires_at) ON jobs TO repartee_app;
DROP POLICY IF EXISTS jobs_seen ON jobs;
CREATE POLICY jobs_seen ON jobs FOR SELECT TO repartee_app USING (user_id = app_user_id());
DROP POLICY IF EXISTS jobs_asked ON jobs;
CREATE POLICY jobs_asked ON jobs FOR INSERT TO repartee_app WITH CHECK (user_id = app_user_id() AND status = 'queued' AND attempts = 0);
DROP POLICY IF EXISTS jobs_called_off ON jobs;
CREATE POLICY jobs_called_off ON jobs FOR UPDATE TO repartee_app USING (user_id = app_user_id())
  WITH CHECK (user_id = app_user_id() AND cancel_asked AND status IN ('running', 'cancelled'));

-- ---- cache (0003) ----
-- Requests share what belongs to everybody and see of the rest their own user's only. Removing by prefix and sweeping is the owner's.
REVOKE ALL ON embedding_cache, vector_search_cache, llm_response_cache, tts_audio_cache
  FROM PUBLIC, repartee_app, repartee_recorder, repartee_analyst, repartee_backup;
GRANT SELECT ON embedding_cache, vector_search_cache, llm_response_cache, tts_audio_cache TO repartee_backup;
GRANT SELECT, INSERT, UPDATE, DELETE ON embedding_cache, vector_search_cache, llm_response_cache, tts_audio_cache TO repartee_app;
GRANT EXECUTE ON FUNCTION cache_remove(text, text), cache_sweep(bigint, bigint) TO repartee_app;
DROP POLICY IF EXISTS cache_own ON embedding_cache;
CREATE POLICY cache_own ON embedding_cache TO repartee_app
  USING (user_id IS NULL OR user_id = app_user_id()) WITH CHECK (user_id IS NULL OR user_id = app_user_id());
DROP POLICY IF EXISTS cache_own ON vector_search_cache;
CREATE POLICY cache_own ON vector_search_cache TO repartee_app
  USING (user_id IS NULL OR user_id = app_user_id()) WITH CHECK (user_id IS NULL OR user_id = app_user_id());
DROP POLICY IF EXISTS cache_own ON llm_response_cache;
CREATE POLICY cache_own ON llm_response_cache TO repartee_app
  USING (user_id IS NULL OR user_id = app_user_id()) WITH CHECK (user_id IS NULL OR user_id = app_user_id());
DROP POLICY IF EXISTS cache_own ON tts_audio_cache;
CREATE POLICY cache_own ON tts_audio_cache TO repartee_app
  USING (user_id IS NULL OR user_id = app_user_id()) WITH CHECK (user_id IS NULL OR user_id = app_user_id());
-- ---- end of cache (0003) ----

-- ---- clone traits (0010) ----
GRANT EXECUTE ON FUNCTION clone_traits(uuid) TO repartee_app;
-- ---- end of clone traits (0010) ----

-- ---- accounts (0008) ----
GRANT EXECUTE ON FUNCTION user_of_username(text) TO repartee_app;
-- ---- end of accounts (0008) ----
