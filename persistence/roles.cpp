#include "persistence/roles.hpp"

#include "persistence/connection.hpp"

namespace repartee::persistence {
namespace {

constexpr Statement may_create{"roles_may_create", "SELECT rolsuper OR rolcreaterole AS may FROM pg_roles WHERE rolname = current_user"};
constexpr Statement count_roles{
    "roles_count",
    "SELECT count(*) AS n FROM pg_roles WHERE rolname IN ('repartee_app', 'repartee_recorder', 'repartee_analyst', "
    "'repartee_backup')"};
constexpr const char* create_roles = R"(
DO $$
DECLARE role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['repartee_app', 'repartee_recorder', 'repartee_analyst', 'repartee_backup'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', role);
      EXECUTE format('GRANT %I TO %I', role, current_user);
    END IF;
  END LOOP;
END $$)";
constexpr int roles_needed = 4;

}  // namespace

bool ensure_roles(Connection& connection) {
  const auto all_there = [&] { return connection.exec(count_roles)[0].integer("n") == roles_needed; };
  if (all_there()) return true;
  if (!connection.exec(may_create)[0].boolean("may")) return false;
  connection.script(create_roles);
  return all_there();
}

}  // namespace repartee::persistence
