-- The shared tier of the cache. Nothing here is the only copy of anything: any row may go at any time.
-- Keys read category:owner:detail, the owner a user's id or "public"; user_id says the same, so that erasing a user erases their rows.
-- Values are bytes whose form the program knows; each table holds one kind, because their lifetimes, sizes and use differ.

CREATE TABLE embedding_cache (
  key          text COLLATE "C" PRIMARY KEY CHECK (length(key) <= 300),
  user_id      uuid REFERENCES users ON DELETE CASCADE,
  value        bytea NOT NULL,
  size_bytes   integer NOT NULL GENERATED ALWAYS AS (octet_length(value)) STORED,
  hit_count    bigint NOT NULL DEFAULT 0,
  last_used_at timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  CHECK (split_part(key, ':', 2) = coalesce(user_id::text, 'public'))
);
CREATE TABLE vector_search_cache (LIKE embedding_cache INCLUDING ALL);
CREATE TABLE llm_response_cache (LIKE embedding_cache INCLUDING ALL);
CREATE TABLE tts_audio_cache (LIKE embedding_cache INCLUDING ALL);
ALTER TABLE vector_search_cache ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
ALTER TABLE llm_response_cache ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;
ALTER TABLE tts_audio_cache ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE;

CREATE INDEX embedding_cache_expires_at ON embedding_cache (expires_at);
CREATE INDEX vector_search_cache_expires_at ON vector_search_cache (expires_at);
CREATE INDEX llm_response_cache_expires_at ON llm_response_cache (expires_at);
CREATE INDEX tts_audio_cache_expires_at ON tts_audio_cache (expires_at);
CREATE INDEX embedding_cache_user_id ON embedding_cache (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX vector_search_cache_user_id ON vector_search_cache (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX llm_response_cache_user_id ON llm_response_cache (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX tts_audio_cache_user_id ON tts_audio_cache (user_id) WHERE user_id IS NOT NULL;

CREATE TRIGGER set_updated_at BEFORE UPDATE ON embedding_cache FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON vector_search_cache FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON llm_response_cache FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON tts_audio_cache FOR EACH ROW EXECUTE FUNCTION set_updated_at();

ALTER TABLE embedding_cache ENABLE ROW LEVEL SECURITY;
ALTER TABLE vector_search_cache ENABLE ROW LEVEL SECURITY;
ALTER TABLE llm_response_cache ENABLE ROW LEVEL SECURITY;
ALTER TABLE tts_audio_cache ENABLE ROW LEVEL SECURITY;

-- Tells every node that what begins with this prefix is no longer so ("" is everything). node: who says it, and need not be told.
CREATE FUNCTION cache_notify(prefix text, node text DEFAULT '-') RETURNS void LANGUAGE sql AS
$$ SELECT pg_notify('repartee_cache', node || ' ' || prefix) $$;

-- Removes by prefix, whoever's rows they are, and tells the other nodes. Runs as the owner, since a request sees its own user's rows only.
-- '~' sorts after every character a key may have.
CREATE FUNCTION cache_remove(prefix text, node text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  removed bigint := 0;
  rows    bigint;
  name    text;
BEGIN
  FOREACH name IN ARRAY ARRAY['embedding_cache', 'vector_search_cache', 'llm_response_cache', 'tts_audio_cache'] LOOP
    EXECUTE format('DELETE FROM %I WHERE key >= $1 AND key < $1 || ''~''', name) USING prefix;
    GET DIAGNOSTICS rows = ROW_COUNT;
    removed := removed + rows;
  END LOOP;
  PERFORM cache_notify(prefix, node);
  RETURN removed;
END $$;

-- What expired goes, then what was used longest ago, until a table has at most so many rows and bytes.
CREATE FUNCTION cache_sweep(rows_max bigint, bytes_max bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  removed bigint := 0;
  rows    bigint;
  name    text;
BEGIN
  FOREACH name IN ARRAY ARRAY['embedding_cache', 'vector_search_cache', 'llm_response_cache', 'tts_audio_cache'] LOOP
    EXECUTE format('DELETE FROM %I WHERE expires_at <= now()', name);
    GET DIAGNOSTICS rows = ROW_COUNT;
    removed := removed + rows;
    EXECUTE format('DELETE FROM %1$I WHERE key IN (SELECT key FROM (SELECT key, row_number() OVER used AS n, sum(size_bytes) OVER used AS kept
                    FROM %1$I WINDOW used AS (ORDER BY last_used_at DESC, key)) AS ranked WHERE n > $1 OR kept > $2)', name)
      USING rows_max, bytes_max;
    GET DIAGNOSTICS rows = ROW_COUNT;
    removed := removed + rows;
  END LOOP;
  RETURN removed;
END $$;
REVOKE ALL ON FUNCTION cache_remove(text, text), cache_sweep(bigint, bigint) FROM PUBLIC;

-- Nodes remember clones for a while; a changed one they ask for again.
CREATE FUNCTION cache_clone_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM cache_notify('clone:' || OLD.id);
  RETURN NULL;
END $$;
CREATE TRIGGER cache_clone_changed AFTER UPDATE OR DELETE ON echos FOR EACH ROW EXECUTE FUNCTION cache_clone_changed();
