DROP FUNCTION audio_file_downloaded(uuid);
ALTER FUNCTION audit_logs_make_partition(timestamptz) SET search_path FROM CURRENT;
ALTER FUNCTION cache_remove(text, text) SET search_path FROM CURRENT;
ALTER FUNCTION cache_sweep(bigint, bigint) SET search_path FROM CURRENT;
ALTER TABLE messages
  DROP COLUMN typed_user_id,
  DROP COLUMN typed_echo_id,
  ADD CONSTRAINT messages_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE,
  ADD CONSTRAINT messages_echo_id_fkey FOREIGN KEY (echo_id) REFERENCES echos ON DELETE CASCADE;
CREATE INDEX messages_echo_id ON messages (echo_id);
