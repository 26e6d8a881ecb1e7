DROP TRIGGER cache_traits_changed ON users;
DROP FUNCTION cache_traits_changed();
DROP FUNCTION clone_traits(uuid);
