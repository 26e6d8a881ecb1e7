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
CREATE POLICY echos_public ON echos FOR SELECT TO repartee_app USING (visibility = 'public');

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
