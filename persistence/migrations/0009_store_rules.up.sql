-- Cheaper messages, counted downloads, and definers' functions that no temporary object can mislead. Compatible with the release before: it
-- writes none of the new columns, and what it writes is held to the same rules.

-- What is said in a session belongs to it, and by it to its user and clone: its messages need not be compared with those two row by row,
-- which was a third of what recording a turn cost. Typed messages, which have no session, still are: the two columns are theirs alone.
ALTER TABLE messages
  ADD COLUMN typed_user_id uuid GENERATED ALWAYS AS (CASE WHEN session_id IS NULL THEN user_id END) STORED REFERENCES users ON DELETE CASCADE,
  ADD COLUMN typed_echo_id uuid GENERATED ALWAYS AS (CASE WHEN session_id IS NULL THEN echo_id END) STORED REFERENCES echos ON DELETE CASCADE,
  DROP CONSTRAINT messages_user_id_fkey,
  DROP CONSTRAINT messages_echo_id_fkey;
DROP INDEX messages_echo_id;  -- (user_id, echo_id, created_at) serves the reading
CREATE INDEX messages_typed_user_id ON messages (typed_user_id) WHERE typed_user_id IS NOT NULL;
CREATE INDEX messages_typed_echo_id ON messages (typed_echo_id) WHERE typed_echo_id IS NOT NULL;

SELECT set_config('search_path', current_setting('search_path') || ', pg_temp', true);  -- nobody's temporary table is taken for this one

-- Somebody took an audio file: its owner, or anybody where it is public, who may read the row and not change it. How often that makes; null
-- where there is no such file for the caller.
CREATE FUNCTION audio_file_downloaded(file uuid) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
  UPDATE audio_files SET download_count = download_count + 1, last_accessed_at = now()
  WHERE id = file AND (user_id = app_user_id() OR (is_public AND expires_at > now()))
  RETURNING download_count
$$;
REVOKE ALL ON FUNCTION audio_file_downloaded(uuid) FROM PUBLIC;

-- Functions of earlier migrations that run as the owner.
ALTER FUNCTION audit_logs_make_partition(timestamptz) SET search_path FROM CURRENT;
ALTER FUNCTION cache_remove(text, text) SET search_path FROM CURRENT;
ALTER FUNCTION cache_sweep(bigint, bigint) SET search_path FROM CURRENT;
