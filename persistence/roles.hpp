// The database roles the server works with, and the users that exist without anybody having registered.
// Thread contract: constants; ensure_roles as Connection says.
#pragma once

namespace repartee::persistence {

class Connection;

namespace roles {
inline constexpr const char* owner = "repartee_owner";  // embedded cluster only; elsewhere the URL's user owns the tables
inline constexpr const char* app = "repartee_app";
inline constexpr const char* recorder = "repartee_recorder";
inline constexpr const char* analyst = "repartee_analyst";
inline constexpr const char* backup = "repartee_backup";
inline constexpr const char* replicator = "repartee_replicator";  // embedded cluster only: base backups
}  // namespace roles

// Owner of what belongs to nobody: the default clone.
inline constexpr const char* system_user_id = "00000000-0000-7000-8000-000000000001";
// The person at a server that asks for no key. Records with an empty user_id are theirs.
inline constexpr const char* local_user_id = "00000000-0000-7000-8000-000000000002";
inline constexpr const char* default_clone_id = "00000000-0000-7000-8000-0000000000c1";

// Inside a transaction: makes the roles if the connection's user may, and grants it those it works as. False when one is missing in the
// end: then everything runs as the connection's user, and access.sql cannot be applied.
bool ensure_roles(Connection& connection);

}  // namespace repartee::persistence
