-- The owner's personality traits enter the prompt of a clone, whoever talks with it. Compatible with the release before (only adds).

SELECT set_config('search_path', current_setting('search_path') || ', pg_temp', true);  -- nobody's temporary `users` is taken for the real one
-- Of a clone that the caller may talk with; the owner's row itself stays hidden.
CREATE FUNCTION clone_traits(clone uuid) RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT u.personality_traits FROM echos AS e JOIN users AS u ON u.id = e.user_id
  WHERE e.id = clone AND e.deleted_at IS NULL AND u.deleted_at IS NULL AND (e.visibility = 'public' OR e.user_id = app_user_id())
$$;
REVOKE ALL ON FUNCTION clone_traits(uuid) FROM PUBLIC;

-- Nodes remember clones with them, and live conversations follow.
CREATE FUNCTION cache_traits_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM cache_notify('clone:' || e.id) FROM echos AS e WHERE e.user_id = NEW.id AND e.deleted_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER cache_traits_changed AFTER UPDATE OF personality_traits ON users FOR EACH ROW
  WHEN (OLD.personality_traits IS DISTINCT FROM NEW.personality_traits) EXECUTE FUNCTION cache_traits_changed();
