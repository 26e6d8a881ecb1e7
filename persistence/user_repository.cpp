#include "persistence/user_repository.hpp"

#include "persistence/digest.hpp"

namespace repartee::persistence {
namespace {

// Nobody can be reached at .invalid (RFC 2606): the address only keeps the column unique until the user gives one.
constexpr Statement insert{
    "user_ensure",
    "INSERT INTO users (id, email, external_id) VALUES ($1::uuid, $1::uuid::text || '@user.invalid', $2) ON CONFLICT DO NOTHING"};
constexpr Statement exists{"user_exists", "SELECT FROM users WHERE id = $1"};

}  // namespace

Status UserRepository::ensure(const std::string& id, const std::string& external_id) {
  return database_.run(
      [&](Transaction& t) {
        t.exec(insert, Params(id, external_id));
        if (t.exec(exists, Params(id)).affected() == 0)
          throw DatabaseError(Errc::conflict, "the external id " + external_id + " belongs to another user");
      },
      {.user_id = id});
}

std::string user_id_of_external(const std::string& external_id) { return uuid_of_name("user/" + external_id); }

}  // namespace repartee::persistence
