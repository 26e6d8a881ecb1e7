-- Rate limits and jobs, and what retention, export and erasure need. Depends on 0001 only. Who may do what: access.sql.

-- One token bucket a subject and endpoint. Unlogged: it changes with every request and is worth nothing after a crash, which leaves
-- buckets full.
CREATE UNLOGGED TABLE rate_limits (
  subject       text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),   -- 'user:<id>', 'addr:<address>', 'local'
  endpoint      text NOT NULL CHECK (length(endpoint) BETWEEN 1 AND 50),
  user_id       uuid GENERATED ALWAYS AS (CASE WHEN subject LIKE 'user:%' THEN substr(subject, 6)::uuid END) STORED,
  tokens        double precision NOT NULL CHECK (tokens >= 0),
  granted       double precision NOT NULL,             -- by the last decision; 0: refused
  window_start  timestamptz NOT NULL,                  -- the minute that request_count counts
  request_count bigint NOT NULL CHECK (request_count >= 0),
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL,                  -- up to here the bucket is refilled
  PRIMARY KEY (subject, endpoint)
) WITH (fillfactor = 50);
CREATE INDEX rate_limits_user_id ON rate_limits (user_id) WHERE user_id IS NOT NULL;

-- Takes `want` tokens while that leaves the bucket half full, else `cost`, else none: the whole decision in one statement, whoever else
-- decides at the same time. (plpgsql, because it keeps the statement's plan.) As the owner, so that the server's role can neither read nor change what others have used.
SELECT set_config('search_path', current_setting('search_path') || ', pg_temp', true);  -- nobody's temporary table is taken for this one
CREATE FUNCTION rate_limit_take(subject text, endpoint text, cost double precision, want double precision, capacity double precision,
                                per_second double precision, OUT granted double precision, OUT tokens double precision)
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO rate_limits AS r (subject, endpoint, tokens, granted, window_start, request_count, updated_at)
  SELECT $1, $2, $5 - first.granted, first.granted, date_trunc('minute', clock_timestamp()), 1, clock_timestamp()
  FROM (SELECT CASE WHEN $5 - $4 >= $5 / 2 THEN $4 WHEN $5 >= $3 THEN $3 ELSE 0 END AS granted) AS first
  ON CONFLICT (subject, endpoint) DO UPDATE SET (tokens, granted, window_start, request_count, updated_at) = (
    SELECT taken.level - taken.granted, taken.granted, date_trunc('minute', taken.at),
           CASE WHEN r.window_start = date_trunc('minute', taken.at) THEN r.request_count ELSE 0 END + 1, taken.at
    FROM (SELECT level.at, level.level, CASE WHEN level.level - $4 >= $5 / 2 THEN $4 WHEN level.level >= $3 THEN $3 ELSE 0 END AS granted
          FROM (SELECT clock.at, least($5, r.tokens + $6 * extract(epoch FROM clock.at - r.updated_at)::double precision) AS level
                FROM (SELECT greatest(clock_timestamp(), r.updated_at) AS at OFFSET 0) AS clock) AS level) AS taken)
  RETURNING r.granted, r.tokens INTO $7, $8;
END $$;
REVOKE ALL ON FUNCTION rate_limit_take(text, text, double precision, double precision, double precision, double precision) FROM PUBLIC;

-- Work for later. At least once: see persistence/jobs.hpp.
CREATE TABLE jobs (
  id           uuid PRIMARY KEY,
  user_id      uuid REFERENCES users ON DELETE CASCADE,  -- null: the server's own
  queue        text NOT NULL DEFAULT 'default' CHECK (queue IN ('default', 'audio', 'analysis', 'embeddings')),
  kind         text NOT NULL CHECK (length(kind) BETWEEN 1 AND 100),
  unique_key   text CHECK (length(unique_key) BETWEEN 1 AND 200),  -- no second job of the user's with it while this row is there
  payload      jsonb NOT NULL DEFAULT '{}',
  status       text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'completed', 'dead', 'cancelled')),
  progress     real NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
  attempts     integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  attempts_max integer NOT NULL DEFAULT 5 CHECK (attempts_max BETWEEN 1 AND 100),
  run_at       timestamptz NOT NULL DEFAULT now(),
  locked_by    text NOT NULL DEFAULT '',
  locked_until timestamptz,
  cancel_asked boolean NOT NULL DEFAULT false,
  result       jsonb,
  error        text NOT NULL DEFAULT '',  -- of the last attempt
  started_at   timestamptz,               -- the last attempt
  finished_at  timestamptz,
  expires_at   timestamptz,               -- the row goes then
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  CHECK ((status = 'running') = (locked_until IS NOT NULL))
);
CREATE INDEX jobs_queue_status_run_at ON jobs (queue, status, run_at);
CREATE INDEX jobs_locked_until ON jobs (locked_until) WHERE status = 'running';
CREATE INDEX jobs_user_id ON jobs (user_id);
CREATE INDEX jobs_expires_at ON jobs (expires_at) WHERE expires_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_unique_key ON jobs (coalesce(user_id, '00000000-0000-0000-0000-000000000000'), unique_key)
  WHERE unique_key IS NOT NULL;
CREATE TRIGGER set_updated_at BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE FUNCTION jobs_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('repartee_jobs', NEW.queue);
  RETURN NULL;
END $$;
CREATE TRIGGER notify AFTER INSERT OR UPDATE OF status, cancel_asked ON jobs FOR EACH ROW
  WHEN (NEW.status = 'queued' OR NEW.cancel_asked) EXECUTE FUNCTION jobs_notify();

ALTER TABLE rate_limits ENABLE ROW LEVEL SECURITY;  -- without a policy: only the owner and the function above
ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;

-- Drops the partitions of months that ended before `before`, or only counts them.
CREATE FUNCTION audit_logs_drop_partitions(before timestamptz, dry_run boolean) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  partition regclass;
  dropped   integer := 0;
BEGIN
  FOR partition IN
    SELECT c.oid FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'audit_logs'::regclass AND c.relname ~ '^audit_logs_\d{4}_\d{2}$'
      AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= before
    ORDER BY c.relname
  LOOP
    IF NOT dry_run THEN
      EXECUTE format('DROP TABLE %s', partition);
    END IF;
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;

-- Sweeps and erasure find their tables by their columns, so that later tables are covered without being named.
CREATE FUNCTION tables_with_column(wanted text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
  SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND a.attname = wanted AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY 1
$$;

-- Deletes up to rows_max rows older than `before`, or only counts all of them. With the keys of the blobs they named.
CREATE FUNCTION retention_delete(table_name text, age_column text, before timestamptz, rows_max integer, dry_run boolean,
                                 OUT affected bigint, OUT blob_keys jsonb) LANGUAGE plpgsql AS $$
BEGIN
  IF age_column NOT IN ('deleted_at', 'expires_at', 'created_at', 'updated_at', 'last_active_at')
     OR table_name NOT IN (SELECT tables_with_column(age_column)) THEN
    RAISE EXCEPTION 'rows of % do not age by %', table_name, age_column USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF dry_run THEN
    EXECUTE format('SELECT count(*), ''[]''::jsonb FROM %I WHERE %I < $1', table_name, age_column) INTO affected, blob_keys USING before;
    RETURN;
  END IF;
  EXECUTE format('WITH gone AS (DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I WHERE %2$I < $1 LIMIT $2'
                 ' FOR UPDATE SKIP LOCKED)) RETURNING %3$s AS blob_key)'
                 ' SELECT count(*), coalesce(jsonb_agg(blob_key) FILTER (WHERE blob_key <> ''''), ''[]'') FROM gone',
                 table_name, age_column,
                 CASE WHEN table_name IN (SELECT tables_with_column('blob_key')) THEN 'blob_key' ELSE 'NULL::text' END)
    INTO affected, blob_keys USING before, rows_max;
END $$;

-- One user's rows of one table as JSON lines, through a cursor of the transaction. Digests of secrets stay here.
CREATE FUNCTION privacy_open(table_name text, subject uuid) RETURNS refcursor LANGUAGE plpgsql AS $$
DECLARE
  lines refcursor;
BEGIN
  IF table_name <> 'users' AND table_name NOT IN (SELECT tables_with_column('user_id')) THEN
    RAISE EXCEPTION '% holds no rows of users', table_name USING ERRCODE = 'invalid_parameter_value';
  END IF;
  OPEN lines FOR EXECUTE
    format('SELECT (to_jsonb(t) - $2)::text FROM %I AS t WHERE t.%I = $1', table_name,
           CASE table_name WHEN 'users' THEN 'id' ELSE 'user_id' END)
    USING subject, ARRAY['password_hash', 'refresh_hash', 'key_hash'];
  RETURN lines;
END $$;

-- The next lines: up to lines_max, and no more once they hold 4 MiB.
CREATE FUNCTION privacy_fetch(lines refcursor, lines_max integer) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
  size bigint := 0;
BEGIN
  FOR n IN 1..lines_max LOOP
    FETCH lines INTO line;
    EXIT WHEN NOT FOUND;
    RETURN NEXT line;
    size := size + octet_length(line);
    EXIT WHEN size > 4 * 1024 * 1024;
  END LOOP;
END $$;

-- Deletes up to rows_max of one user's rows of one table, with the keys of the blobs they named. affected is null when rows of another
-- table still need these: delete those first.
CREATE FUNCTION privacy_delete(table_name text, subject uuid, rows_max integer, OUT affected bigint, OUT blob_keys jsonb)
LANGUAGE plpgsql AS $$
BEGIN
  IF table_name = 'audit_logs' OR table_name <> 'users' AND table_name NOT IN (SELECT tables_with_column('user_id')) THEN
    RAISE EXCEPTION 'rows of % are not erased', table_name USING ERRCODE = 'invalid_parameter_value';
  END IF;
  EXECUTE format('WITH gone AS (DELETE FROM %1$I WHERE %2$s RETURNING %3$s AS blob_key)'
                 ' SELECT count(*), coalesce(jsonb_agg(blob_key) FILTER (WHERE blob_key <> ''''), ''[]'') FROM gone',
                 table_name,
                 -- a partitioned table's rows have no one ctid: all of them at once
                 format(CASE WHEN EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(quote_ident(table_name)) AND relkind = 'p') THEN '%2$I = $1'
                             ELSE 'ctid = ANY (ARRAY(SELECT ctid FROM %1$I WHERE %2$I = $1 LIMIT $2))' END,
                        table_name, CASE table_name WHEN 'users' THEN 'id' ELSE 'user_id' END),
                 CASE WHEN table_name IN (SELECT tables_with_column('blob_key')) THEN 'blob_key' ELSE 'NULL::text' END)
    INTO affected, blob_keys USING subject, rows_max;
EXCEPTION WHEN foreign_key_violation THEN
  affected := NULL;
  blob_keys := '[]';
END $$;

REVOKE ALL ON FUNCTION jobs_notify(), audit_logs_drop_partitions(timestamptz, boolean), tables_with_column(text),
  retention_delete(text, text, timestamptz, integer, boolean), privacy_open(text, uuid), privacy_fetch(refcursor, integer),
  privacy_delete(text, uuid, integer) FROM PUBLIC;
