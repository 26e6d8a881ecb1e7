-- Sign-ins: counters, and everybody is told when a credential is revoked. Compatible with the release before (only adds): it names its
-- columns, and hears no NOTIFY that it does not listen to.

ALTER TABLE users
  ADD COLUMN login_count   bigint NOT NULL DEFAULT 0 CHECK (login_count >= 0),
  ADD COLUMN failed_logins integer NOT NULL DEFAULT 0 CHECK (failed_logins >= 0);  -- since the last one that succeeded

-- Channel repartee_credentials; payload: 'key:<id>', 'signin:<id>', or 'user:<id>' for all that is the user's.
CREATE FUNCTION tell_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('repartee_credentials', TG_ARGV[0] || ':' || OLD.id);
  RETURN NULL;
END $$;

CREATE TRIGGER tell_revoked AFTER UPDATE OF revoked_at ON api_keys FOR EACH ROW
  WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION tell_revoked('key');
CREATE TRIGGER tell_deleted AFTER DELETE ON api_keys FOR EACH ROW
  WHEN (OLD.revoked_at IS NULL) EXECUTE FUNCTION tell_revoked('key');
CREATE TRIGGER tell_revoked AFTER UPDATE OF revoked_at ON auth_sessions FOR EACH ROW
  WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION tell_revoked('signin');
CREATE TRIGGER tell_deleted AFTER DELETE ON auth_sessions FOR EACH ROW
  WHEN (OLD.revoked_at IS NULL) EXECUTE FUNCTION tell_revoked('signin');
CREATE TRIGGER tell_revoked AFTER UPDATE OF is_active, deleted_at ON users FOR EACH ROW
  WHEN ((OLD.is_active AND NOT NEW.is_active) OR (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)) EXECUTE FUNCTION tell_revoked('user');
CREATE TRIGGER tell_deleted AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION tell_revoked('user');

-- As user_of_email: whose a name is, and nothing else about them.
SELECT set_config('search_path', current_setting('search_path') || ', pg_temp', true);  -- nobody's temporary `users` is taken for the real one
CREATE FUNCTION user_of_username(name text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS
$$ SELECT id FROM users WHERE username = name AND deleted_at IS NULL $$;
REVOKE ALL ON FUNCTION user_of_username(text) FROM PUBLIC;
