-- Sign-in, subscriptions, voices and faces, knowledge, synthesis. Compatible with the release before (only adds; see docs/migrations.md).
-- Each row carries user_id, children too, and a child's is its parent's: the foreign keys are over (id, user_id). Who may see which row:
-- access.sql.

-- ---- people ----

CREATE TABLE auth_sessions (
  id             uuid PRIMARY KEY,
  user_id        uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  refresh_hash   text NOT NULL UNIQUE CHECK (refresh_hash ~ '^[0-9a-f]{64}$'),
  ip_address     text NOT NULL DEFAULT '',
  user_agent     text NOT NULL DEFAULT '',
  last_active_at timestamptz NOT NULL DEFAULT now(),
  expires_at     timestamptz NOT NULL DEFAULT now() + interval '7 days',
  revoked_at     timestamptz,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX auth_sessions_user_id ON auth_sessions (user_id);
CREATE INDEX auth_sessions_expires_at ON auth_sessions (expires_at);

CREATE TABLE api_keys (
  id           uuid PRIMARY KEY,
  user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  key_hash     text NOT NULL UNIQUE CHECK (key_hash ~ '^[0-9a-f]{64}$'),
  scopes       text[] NOT NULL DEFAULT '{}',
  last_used_at timestamptz,
  expires_at   timestamptz,  -- null: until it is revoked
  revoked_at   timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX api_keys_user_id ON api_keys (user_id);

CREATE TABLE subscriptions (
  id         uuid PRIMARY KEY,
  user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  plan       text NOT NULL CHECK (plan IN ('free', 'pro', 'enterprise')),
  status     text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'cancelled', 'expired')),
  start_date timestamptz NOT NULL DEFAULT now(),
  end_date   timestamptz CHECK (end_date >= start_date),
  metadata   jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (id, user_id)
);
CREATE INDEX subscriptions_user_id ON subscriptions (user_id);
CREATE INDEX subscriptions_status ON subscriptions (status);
CREATE UNIQUE INDEX subscriptions_one_active ON subscriptions (user_id) WHERE status = 'active';

-- One row a month, action and subject, added to.
CREATE TABLE usage_metrics (
  id              uuid PRIMARY KEY,
  user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  subscription_id uuid,
  month           date NOT NULL DEFAULT date_trunc('month', now() AT TIME ZONE 'UTC')::date CHECK (extract(day FROM month) = 1),
  action          text NOT NULL CHECK (length(action) BETWEEN 1 AND 200),
  subject         text NOT NULL DEFAULT '',
  quantity        bigint NOT NULL DEFAULT 0 CHECK (quantity >= 0),
  metadata        jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  UNIQUE (user_id, month, action, subject),
  FOREIGN KEY (subscription_id, user_id) REFERENCES subscriptions (id, user_id) ON DELETE SET NULL (subscription_id)
);
CREATE INDEX usage_metrics_user_id ON usage_metrics (user_id);
CREATE INDEX usage_metrics_created_at ON usage_metrics (created_at);
CREATE INDEX usage_metrics_subscription_id ON usage_metrics (subscription_id);

-- ---- voices and faces ----

CREATE TABLE voice_samples (
  id             uuid PRIMARY KEY,
  user_id        uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  blob_key       text NOT NULL CHECK (blob_key <> ''),
  format         text NOT NULL CHECK (format IN ('wav', 'mp3', 'flac', 'ogg', 'opus')),
  size_bytes     bigint NOT NULL DEFAULT 0 CHECK (size_bytes >= 0),
  duration_s     double precision NOT NULL CHECK (duration_s >= 0 AND duration_s < 'Infinity'),
  sample_rate_hz integer NOT NULL CHECK (sample_rate_hz > 0),
  channels       integer NOT NULL CHECK (channels > 0),
  language       text NOT NULL DEFAULT 'en-US',
  quality_score  double precision CHECK (quality_score BETWEEN 0 AND 10),
  quality_notes  text NOT NULL DEFAULT '',
  status         text NOT NULL DEFAULT 'uploaded' CHECK (status IN ('uploaded', 'processing', 'ready', 'failed')),
  error          text NOT NULL DEFAULT '',
  checksum       text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),  -- SHA-256
  is_public      boolean NOT NULL DEFAULT false,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  deleted_at     timestamptz,
  UNIQUE (id, user_id)
);
CREATE INDEX voice_samples_user_status ON voice_samples (user_id, status);
CREATE INDEX voice_samples_blob_key ON voice_samples (blob_key);
CREATE INDEX voice_samples_public ON voice_samples (created_at) WHERE is_public;

CREATE TABLE voice_embeddings (
  id         uuid PRIMARY KEY,
  user_id    uuid NOT NULL,
  sample_id  uuid NOT NULL UNIQUE,
  model      text NOT NULL CHECK (model <> ''),
  dimension  integer NOT NULL,
  distance   text NOT NULL DEFAULT 'cosine' CHECK (distance = 'cosine'),
  embedding  real[] NOT NULL CHECK (array_position(embedding, NULL) IS NULL AND 'Infinity'::real > ALL (embedding)
                                    AND '-Infinity'::real < ALL (embedding)),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (dimension > 0 AND dimension = cardinality(embedding)),
  FOREIGN KEY (sample_id, user_id) REFERENCES voice_samples (id, user_id) ON DELETE CASCADE
);
CREATE INDEX voice_embeddings_user_id ON voice_embeddings (user_id);

CREATE TABLE voice_models (
  id                uuid PRIMARY KEY,
  user_id           uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  sample_id         uuid,
  name              text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  provider          text NOT NULL CHECK (provider <> ''),
  provider_model_id text NOT NULL DEFAULT '',
  model_path        text NOT NULL DEFAULT '',
  model_type        text NOT NULL DEFAULT '',
  quality_score     double precision CHECK (quality_score BETWEEN 0 AND 1),
  status            text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'training', 'ready', 'failed')),
  is_active         boolean NOT NULL DEFAULT false,
  settings          jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  deleted_at        timestamptz,
  UNIQUE (id, user_id),
  FOREIGN KEY (sample_id, user_id) REFERENCES voice_samples (id, user_id) ON DELETE SET NULL (sample_id)
);
CREATE INDEX voice_models_user_active ON voice_models (user_id, is_active);
CREATE INDEX voice_models_sample_id ON voice_models (sample_id);
CREATE UNIQUE INDEX voice_models_one_active ON voice_models (user_id, provider) WHERE is_active AND deleted_at IS NULL;

CREATE TABLE face_models (
  id            uuid PRIMARY KEY,
  user_id       uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  model_path    text NOT NULL DEFAULT '',
  resolution    jsonb NOT NULL CHECK (resolution @? '$.width ? (@ > 0)' AND resolution @? '$.height ? (@ > 0)'),
  quality_score double precision CHECK (quality_score BETWEEN 0 AND 1),
  is_active     boolean NOT NULL DEFAULT false,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  deleted_at    timestamptz,
  UNIQUE (id, user_id)
);
CREATE INDEX face_models_user_active ON face_models (user_id, is_active);

-- ---- clones ----

ALTER TABLE echos
  ADD COLUMN voice_model_id uuid,
  ADD COLUMN face_model_id uuid,
  ADD CONSTRAINT echos_id_user_id_key UNIQUE (id, user_id),
  ADD CONSTRAINT echos_voice_model_fkey FOREIGN KEY (voice_model_id, user_id) REFERENCES voice_models (id, user_id)
    ON DELETE SET NULL (voice_model_id),
  ADD CONSTRAINT echos_face_model_fkey FOREIGN KEY (face_model_id, user_id) REFERENCES face_models (id, user_id)
    ON DELETE SET NULL (face_model_id);
CREATE INDEX echos_voice_model_id ON echos (voice_model_id);
CREATE INDEX echos_face_model_id ON echos (face_model_id);

-- ---- knowledge ----

CREATE TABLE knowledge_documents (
  id           uuid PRIMARY KEY,
  user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  echo_id      uuid,  -- null: of all the user's clones
  filename     text NOT NULL CHECK (length(filename) BETWEEN 1 AND 1000),
  content_type text NOT NULL,
  size_bytes   bigint NOT NULL CHECK (size_bytes >= 0),
  checksum     text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),  -- SHA-256
  text_content text NOT NULL DEFAULT '',
  chunk_count  integer NOT NULL DEFAULT 0 CHECK (chunk_count >= 0),
  status       text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
  error        text NOT NULL DEFAULT '',
  vector_ids   text[] NOT NULL DEFAULT '{}',
  uploaded_at  timestamptz NOT NULL DEFAULT now(),
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  deleted_at   timestamptz,
  UNIQUE (id, user_id),
  FOREIGN KEY (echo_id, user_id) REFERENCES echos (id, user_id) ON DELETE CASCADE
);
CREATE INDEX knowledge_documents_user_uploaded ON knowledge_documents (user_id, uploaded_at DESC);
CREATE INDEX knowledge_documents_status ON knowledge_documents (status);
CREATE INDEX knowledge_documents_echo_id ON knowledge_documents (echo_id);

CREATE TABLE knowledge_chunks (
  id          uuid PRIMARY KEY,
  user_id     uuid NOT NULL,
  document_id uuid NOT NULL,
  ordinal     integer NOT NULL CHECK (ordinal >= 0),
  text        text NOT NULL,
  token_count integer NOT NULL DEFAULT 0 CHECK (token_count >= 0),
  embedding   real[] CHECK (array_position(embedding, NULL) IS NULL AND 'Infinity'::real > ALL (embedding)  -- null: not embedded yet
                            AND '-Infinity'::real < ALL (embedding)),
  tsv         tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('english', text)) STORED,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (document_id, ordinal),
  FOREIGN KEY (document_id, user_id) REFERENCES knowledge_documents (id, user_id) ON DELETE CASCADE
);
CREATE INDEX knowledge_chunks_user_id ON knowledge_chunks (user_id);
CREATE INDEX knowledge_chunks_tsv ON knowledge_chunks USING gin (tsv);

-- ---- synthesis ----

CREATE TABLE synthesis_jobs (
  id                   uuid PRIMARY KEY,
  user_id              uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  voice_model_id       uuid,  -- null: a provider's own voice, or the model is gone
  tts_provider         text NOT NULL CHECK (tts_provider <> ''),
  voice_id             text NOT NULL CHECK (voice_id <> ''),  -- the provider's name of the voice, also of a model's
  text_content         text NOT NULL CHECK (text_content <> ''),
  text_hash            text NOT NULL CHECK (text_hash ~ '^[0-9a-f]{64}$'),  -- of voice, settings and text
  config               jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(config) = 'object')
                       CHECK (config->>'timestamp_granularity' IN ('word', 'syllable', 'character', 'both', 'all')),
  output_format        text NOT NULL DEFAULT 'wav' CHECK (output_format IN ('wav', 'mp3', 'flac', 'opus')),
  sample_rate_hz       integer NOT NULL DEFAULT 24000 CHECK (sample_rate_hz > 0),
  status               text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
  progress             double precision NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
  estimated_duration_s double precision CHECK (estimated_duration_s >= 0),
  cache_hit            boolean NOT NULL DEFAULT false,
  error                text NOT NULL DEFAULT '',
  completed_at         timestamptz,
  created_at           timestamptz NOT NULL DEFAULT now(),
  updated_at           timestamptz NOT NULL DEFAULT now(),
  UNIQUE (id, user_id),
  FOREIGN KEY (voice_model_id, user_id) REFERENCES voice_models (id, user_id) ON DELETE SET NULL (voice_model_id)
);
CREATE INDEX synthesis_jobs_text_hash ON synthesis_jobs (text_hash);
CREATE INDEX synthesis_jobs_status ON synthesis_jobs (status);
CREATE INDEX synthesis_jobs_user_id ON synthesis_jobs (user_id);
CREATE INDEX synthesis_jobs_voice_model_id ON synthesis_jobs (voice_model_id);

CREATE TABLE audio_files (
  id               uuid PRIMARY KEY,
  user_id          uuid NOT NULL,
  job_id           uuid NOT NULL,
  blob_key         text NOT NULL CHECK (blob_key <> ''),
  filename         text NOT NULL CHECK (length(filename) BETWEEN 1 AND 1000),
  format           text NOT NULL CHECK (format IN ('wav', 'mp3', 'flac', 'ogg', 'opus')),
  size_bytes       bigint NOT NULL CHECK (size_bytes >= 0),
  duration_s       double precision NOT NULL CHECK (duration_s > 0 AND duration_s < 'Infinity'),
  sample_rate_hz   integer NOT NULL CHECK (sample_rate_hz > 0),
  checksum         text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),  -- SHA-256; verified when the file is read
  metadata         jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  is_public        boolean NOT NULL DEFAULT false,
  download_count   bigint NOT NULL DEFAULT 0 CHECK (download_count >= 0),
  expires_at       timestamptz NOT NULL DEFAULT now() + interval '30 days',
  last_accessed_at timestamptz,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (id, user_id),
  FOREIGN KEY (job_id, user_id) REFERENCES synthesis_jobs (id, user_id) ON DELETE CASCADE
);
CREATE INDEX audio_files_job_id ON audio_files (job_id);
CREATE INDEX audio_files_expires_at ON audio_files (expires_at);
CREATE INDEX audio_files_created_at ON audio_files (created_at);
CREATE INDEX audio_files_user_id ON audio_files (user_id);
CREATE INDEX audio_files_blob_key ON audio_files (blob_key);

-- Whether spans of time follow one another: each starts no later than it ends, and none starts or ends before the one before it.
CREATE FUNCTION spans_in_order(starts real[], ends real[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_position(starts, NULL) IS NULL AND array_position(ends, NULL) IS NULL
     AND coalesce(bool_and(s >= s_before AND e >= e_before AND s <= e AND e < 'Infinity'), true)
  FROM (SELECT s, e, lag(s, 1, 0::real) OVER (ORDER BY n) AS s_before, lag(e, 1, 0::real) OVER (ORDER BY n) AS e_before
        FROM unnest(starts, ends) WITH ORDINALITY AS t(s, e, n)) AS spans
$$;

CREATE TABLE audio_alignments (
  id            uuid PRIMARY KEY,
  user_id       uuid NOT NULL,
  audio_file_id uuid NOT NULL,
  granularity   text NOT NULL CHECK (granularity IN ('word', 'syllable', 'character')),
  units         text[] NOT NULL CHECK (array_position(units, NULL) IS NULL),
  start_times   real[] NOT NULL,  -- seconds
  end_times     real[] NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  CHECK (cardinality(units) = cardinality(start_times) AND cardinality(units) = cardinality(end_times)),
  CHECK (spans_in_order(start_times, end_times)),
  UNIQUE (audio_file_id, granularity),
  FOREIGN KEY (audio_file_id, user_id) REFERENCES audio_files (id, user_id) ON DELETE CASCADE
);
CREATE INDEX audio_alignments_user_id ON audio_alignments (user_id);

CREATE TABLE generation_history (
  id            uuid PRIMARY KEY,
  user_id       uuid NOT NULL,
  job_id        uuid NOT NULL,
  audio_file_id uuid,
  voice_id      text NOT NULL,
  model_id      text NOT NULL DEFAULT '',
  settings      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
  status        text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
  error         text NOT NULL DEFAULT '',
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (job_id, user_id) REFERENCES synthesis_jobs (id, user_id) ON DELETE CASCADE,
  FOREIGN KEY (audio_file_id, user_id) REFERENCES audio_files (id, user_id) ON DELETE SET NULL (audio_file_id)
);
CREATE INDEX generation_history_status ON generation_history (status);
CREATE INDEX generation_history_user_id ON generation_history (user_id);
CREATE INDEX generation_history_job_id ON generation_history (job_id);
CREATE INDEX generation_history_audio_file_id ON generation_history (audio_file_id);

-- ---- functions and triggers ----

CREATE FUNCTION cosine_similarity(a real[], b real[]) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT sum(x::double precision * y) / nullif(sqrt(sum(x::double precision * x)) * sqrt(sum(y::double precision * y)), 0)
  FROM unnest(a, b) AS t(x, y)
$$;

-- What follows runs as the owner. Its search_path is the present one with temporary tables last: nobody's temporary `users` is taken for
-- the real one.
SELECT set_config('search_path', current_setting('search_path') || ', pg_temp', true);

CREATE FUNCTION set_subscription_tier() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  whose uuid := coalesce(NEW.user_id, OLD.user_id);
BEGIN
  UPDATE users SET subscription_tier = coalesce((SELECT plan FROM subscriptions WHERE user_id = whose AND status = 'active'), 'free')
  WHERE id = whose;
  RETURN NULL;
END $$;

-- users.storage_used_bytes follows every row that counts, by whichever way the row comes or goes.
CREATE FUNCTION count_storage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  change bigint := coalesce(NEW.size_bytes, 0) - coalesce(OLD.size_bytes, 0);
BEGIN
  IF change <> 0 THEN
    UPDATE users SET storage_used_bytes = storage_used_bytes + change WHERE id = coalesce(NEW.user_id, OLD.user_id);
  END IF;
  RETURN NULL;
END $$;

-- Signing in comes before app.user_id is known: whose a credential is, and nothing else about them.
CREATE FUNCTION user_of_email(address text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS
$$ SELECT id FROM users WHERE lower(email) = lower(address) AND deleted_at IS NULL $$;
CREATE FUNCTION user_of_external_id(name text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS
$$ SELECT id FROM users WHERE external_id = name AND deleted_at IS NULL $$;
CREATE FUNCTION user_of_refresh_hash(hash text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS
$$ SELECT user_id FROM auth_sessions WHERE refresh_hash = hash $$;
CREATE FUNCTION user_of_key_hash(hash text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS
$$ SELECT user_id FROM api_keys WHERE key_hash = hash $$;
REVOKE ALL ON FUNCTION user_of_email(text), user_of_external_id(text), user_of_refresh_hash(text), user_of_key_hash(text) FROM PUBLIC;

CREATE TRIGGER set_subscription_tier AFTER INSERT OR UPDATE OR DELETE ON subscriptions FOR EACH ROW EXECUTE FUNCTION set_subscription_tier();

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['voice_samples', 'knowledge_documents', 'audio_files'] LOOP
    EXECUTE format('CREATE TRIGGER count_storage AFTER INSERT OR DELETE OR UPDATE OF size_bytes ON %I FOR EACH ROW EXECUTE FUNCTION count_storage()', t);
  END LOOP;
  FOREACH t IN ARRAY ARRAY['auth_sessions', 'api_keys', 'subscriptions', 'usage_metrics', 'voice_samples', 'voice_embeddings', 'voice_models',
                           'face_models', 'knowledge_documents', 'knowledge_chunks', 'synthesis_jobs', 'audio_files', 'audio_alignments',
                           'generation_history'] LOOP
    EXECUTE format('CREATE TRIGGER set_updated_at BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION set_updated_at()', t);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
  END LOOP;
END $$;
