-- People, clones and what was said: users, echos, messages, conversation_sessions, conversation_turns, audit_logs.
-- Keys are UUIDs made by the server (version 7). Who may see which row: access.sql.

CREATE FUNCTION set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END $$;

-- Whose request this transaction serves. Nobody's when unset, and then no private row matches.
CREATE FUNCTION app_user_id() RETURNS uuid LANGUAGE sql STABLE AS
$$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$;

CREATE TABLE users (
  id                 uuid PRIMARY KEY,
  email              text NOT NULL CHECK (length(email) BETWEEN 3 AND 320),
  username           text UNIQUE CHECK (username ~ '^[A-Za-z0-9]{3,50}$'),
  password_hash      text,
  external_id        text UNIQUE,
  first_name         text NOT NULL DEFAULT '',
  last_name          text NOT NULL DEFAULT '',
  personality_traits text[] NOT NULL DEFAULT '{}',
  subscription_tier  text NOT NULL DEFAULT 'free' CHECK (subscription_tier IN ('free', 'pro', 'enterprise')),
  settings           jsonb NOT NULL DEFAULT '{}',
  metadata           jsonb NOT NULL DEFAULT '{}',
  storage_used_bytes bigint NOT NULL DEFAULT 0 CHECK (storage_used_bytes >= 0),
  is_active          boolean NOT NULL DEFAULT true,
  is_verified        boolean NOT NULL DEFAULT false,
  last_login_at      timestamptz,
  total_uploads      bigint NOT NULL DEFAULT 0 CHECK (total_uploads >= 0),
  total_analyses     bigint NOT NULL DEFAULT 0 CHECK (total_analyses >= 0),
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  deleted_at         timestamptz
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE INDEX users_deleted_at ON users (deleted_at);
CREATE INDEX users_created_at ON users (created_at DESC);

CREATE TABLE echos (
  id              uuid PRIMARY KEY,
  user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  persona_prompt  text NOT NULL DEFAULT '',
  greeting        text NOT NULL DEFAULT '',
  tts_provider    text NOT NULL DEFAULT '',
  voice_id        text NOT NULL DEFAULT '',
  llm_provider    text NOT NULL DEFAULT '',
  -- none: no documents; own: this clone's; all: also those its user keeps for every clone
  knowledge_scope text NOT NULL DEFAULT 'all' CHECK (knowledge_scope IN ('none', 'own', 'all')),
  visibility      text NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'public')),
  settings        jsonb NOT NULL DEFAULT '{}',
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  deleted_at      timestamptz
);
CREATE INDEX echos_user_id ON echos (user_id);
CREATE INDEX echos_name ON echos (name);

CREATE TABLE conversation_sessions (
  id                 uuid PRIMARY KEY,
  user_id            uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  echo_id            uuid NOT NULL REFERENCES echos ON DELETE CASCADE,
  state              text NOT NULL DEFAULT 'idle'
                     CHECK (state IN ('idle', 'listening', 'processing', 'speaking', 'interrupted', 'error')),
  asr_provider       text NOT NULL DEFAULT '',
  llm_provider       text NOT NULL DEFAULT '',
  tts_provider       text NOT NULL DEFAULT '',
  total_turns        integer NOT NULL DEFAULT 0 CHECK (total_turns >= 0),
  interrupted_turns  integer NOT NULL DEFAULT 0 CHECK (interrupted_turns >= 0),
  average_latency_ms double precision CHECK (average_latency_ms >= 0),
  total_cost         numeric(14,8) NOT NULL DEFAULT 0,
  started_at         timestamptz NOT NULL,
  last_active_at     timestamptz NOT NULL,
  ended_at           timestamptz,
  end_reason         text NOT NULL DEFAULT '',
  node               text NOT NULL DEFAULT '',
  client             jsonb NOT NULL DEFAULT '{}',
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  deleted_at         timestamptz,
  UNIQUE (id, user_id)  -- what hangs on a session belongs to the session's user: see the foreign keys below
);
CREATE INDEX conversation_sessions_user_started ON conversation_sessions (user_id, started_at DESC);
CREATE INDEX conversation_sessions_echo_id ON conversation_sessions (echo_id);
CREATE INDEX conversation_sessions_open ON conversation_sessions (node) WHERE ended_at IS NULL;

CREATE TABLE messages (
  id         uuid PRIMARY KEY,
  user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  echo_id    uuid NOT NULL REFERENCES echos ON DELETE CASCADE,
  session_id uuid,  -- null: typed over HTTP
  role       text NOT NULL CHECK (role IN ('user', 'assistant', 'system', 'tool')),
  content    text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (session_id, user_id) REFERENCES conversation_sessions (id, user_id) ON DELETE CASCADE
);
CREATE INDEX messages_user_echo_created ON messages (user_id, echo_id, created_at);
CREATE INDEX messages_echo_id ON messages (echo_id);
CREATE INDEX messages_session_id ON messages (session_id);

CREATE TABLE conversation_turns (
  id                 uuid PRIMARY KEY,
  user_id            uuid NOT NULL,  -- the session's, by the foreign key below
  session_id         uuid NOT NULL,
  turn_index         integer NOT NULL CHECK (turn_index >= 0),
  revision           integer NOT NULL DEFAULT 1 CHECK (revision >= 1),  -- a higher one replaces the row
  user_transcript    text NOT NULL DEFAULT '',
  llm_response       text NOT NULL DEFAULT '',
  heard_response     text NOT NULL DEFAULT '',
  heard_ms           bigint NOT NULL DEFAULT 0 CHECK (heard_ms >= 0),
  status             text NOT NULL CHECK (status IN ('completed', 'interrupted', 'failed', 'cancelled')),
  cancel_reason      text NOT NULL DEFAULT '',
  endpointing_ms     bigint CHECK (endpointing_ms >= 0),    -- null: the stage did not run
  asr_latency_ms     bigint CHECK (asr_latency_ms >= 0),
  rag_latency_ms     bigint CHECK (rag_latency_ms >= 0),
  llm_latency_ms     bigint CHECK (llm_latency_ms >= 0),
  tts_latency_ms     bigint CHECK (tts_latency_ms >= 0),
  total_latency_ms   bigint CHECK (total_latency_ms >= 0),
  asr_cost           numeric(14,8) NOT NULL DEFAULT 0,
  rag_cost           numeric(14,8) NOT NULL DEFAULT 0,
  llm_cost           numeric(14,8) NOT NULL DEFAULT 0,
  tts_cost           numeric(14,8) NOT NULL DEFAULT 0,
  total_cost         numeric(14,8) NOT NULL GENERATED ALWAYS AS (asr_cost + rag_cost + llm_cost + tts_cost) STORED,
  asr_audio_ms       bigint NOT NULL DEFAULT 0 CHECK (asr_audio_ms >= 0),
  llm_input_tokens   bigint NOT NULL DEFAULT 0 CHECK (llm_input_tokens >= 0),
  llm_output_tokens  bigint NOT NULL DEFAULT 0 CHECK (llm_output_tokens >= 0),
  tts_characters     bigint NOT NULL DEFAULT 0 CHECK (tts_characters >= 0),
  speculative_waste  jsonb NOT NULL DEFAULT '{}',
  cache_hits         jsonb NOT NULL DEFAULT '{}',
  sources            jsonb NOT NULL DEFAULT '[]',
  timeline           jsonb NOT NULL DEFAULT '{}',
  evidence           jsonb NOT NULL DEFAULT '{}',
  tool_calls         jsonb NOT NULL DEFAULT '[]',
  started_at         timestamptz NOT NULL,
  ended_at           timestamptz,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  UNIQUE (session_id, turn_index),
  FOREIGN KEY (session_id, user_id) REFERENCES conversation_sessions (id, user_id) ON DELETE CASCADE
);
CREATE INDEX conversation_turns_user_started ON conversation_turns (user_id, started_at DESC);

-- Append-only for everybody but the owner (access.sql grants no UPDATE or DELETE). No foreign key: a line outlives its user.
CREATE TABLE audit_logs (
  id          uuid NOT NULL,
  user_id     uuid,  -- null: nobody was signed in
  action      text NOT NULL,
  resource    text NOT NULL DEFAULT '',
  result      text NOT NULL CHECK (result IN ('success', 'failure')),
  ip_address  text NOT NULL DEFAULT '',
  user_agent  text NOT NULL DEFAULT '',
  metadata    jsonb NOT NULL DEFAULT '{}',
  "timestamp" timestamptz NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, "timestamp")
) PARTITION BY RANGE ("timestamp");
CREATE INDEX audit_logs_user_timestamp ON audit_logs (user_id, "timestamp");

-- Makes the partition of the month that holds `at`, if there is none. It runs as the owner, so that the recorder, which may create
-- nothing, can call it before it writes; hence the bound on what it can be made to create.
CREATE FUNCTION audit_logs_make_partition(at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  month     timestamp := date_trunc('month', at AT TIME ZONE 'UTC');
  partition text := 'audit_logs_' || to_char(month, 'YYYY_MM');
BEGIN
  IF at NOT BETWEEN now() - interval '37 months' AND now() + interval '13 months' THEN
    RAISE EXCEPTION 'no audit partition is made for %', at USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF to_regclass(partition) IS NOT NULL THEN
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('audit_logs_make_partition'));  -- several nodes start at once
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF audit_logs FOR VALUES FROM (%L) TO (%L)', partition,
                 month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
END $$;
REVOKE ALL ON FUNCTION audit_logs_make_partition(timestamptz) FROM PUBLIC;

CREATE FUNCTION audit_logs_make_partitions(months_ahead integer DEFAULT 2) RETURNS void LANGUAGE sql AS $$
  SELECT audit_logs_make_partition(date_trunc('month', now()) + n * interval '1 month') FROM generate_series(0, months_ahead) AS n
$$;

CREATE TRIGGER set_updated_at BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON echos FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON conversation_sessions FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON messages FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON conversation_turns FOR EACH ROW EXECUTE FUNCTION set_updated_at();

ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE echos ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversation_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversation_turns ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_logs ENABLE ROW LEVEL SECURITY;
