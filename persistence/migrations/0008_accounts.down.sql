DROP FUNCTION user_of_username(text);
DROP TRIGGER tell_deleted ON users;
DROP TRIGGER tell_revoked ON users;
DROP TRIGGER tell_deleted ON auth_sessions;
DROP TRIGGER tell_revoked ON auth_sessions;
DROP TRIGGER tell_deleted ON api_keys;
DROP TRIGGER tell_revoked ON api_keys;
DROP FUNCTION tell_revoked();
ALTER TABLE users DROP COLUMN failed_logins, DROP COLUMN login_count;
