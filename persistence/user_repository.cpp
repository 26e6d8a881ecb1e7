#include "persistence/user_repository.hpp"

#include "persistence/digest.hpp"

namespace repartee::persistence {
namespace {

// Nobody can be reached at .invalid (RFC 2606): the address only keeps the column unique until the user gives one.
constexpr Statement insert{
    "user_ensure",
    "INSERT INTO users (id, email, external_id) VALUES ($1::uuid, $1::uuid::text || '@user.invalid', $2) ON CONFLICT DO NOTHING"};
constexpr Statement is_there{"user_exists", "SELECT FROM users WHERE id = $1"};

// These run as the database's owner and tell nothing but the id: see 0002_people_voices_knowledge.up.sql.
constexpr Statement of_email{"user_of_email", "SELECT user_of_email($1) AS id"};
constexpr Statement of_external_id{"user_of_external_id", "SELECT user_of_external_id($1) AS id"};

}  // namespace

Status UserRepository::ensure(const std::string& id, const std::string& external_id) {
  return database_.run(
      [&](Transaction& t) {
        t.exec(insert, Params(id, external_id));
        if (t.exec(is_there, Params(id)).affected() == 0)
          throw DatabaseError(Errc::conflict, "the external id " + external_id + " belongs to another user");
      },
      {.user_id = id});
}

Result<std::string> UserRepository::id_of_email(const std::string& email) { return find_owner(database_, of_email, email); }
Result<std::string> UserRepository::id_of_external(const std::string& external_id) {
  return find_owner(database_, of_external_id, external_id);
}

std::string user_id_of_external(const std::string& external_id) { return uuid_of_name("user/" + external_id); }

}  // namespace repartee::persistence
