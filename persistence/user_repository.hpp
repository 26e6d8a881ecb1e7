// Users (table users), as far as a live conversation needs them: a row its sessions can belong to.
// Thread contract: any thread; blocking.
#pragma once
#include <string>

#include "persistence/database.hpp"

namespace repartee::persistence {

class UserRepository {
 public:
  explicit UserRepository(Database& app) : database_(app) {}
  // Makes the user if missing. `external_id`: who they are elsewhere (an API key's name in the configuration, "repartee:local").
  Status ensure(const std::string& id, const std::string& external_id);

 private:
  Database& database_;
};

// The id of a user known by a name elsewhere: the same each time, so that a call can start before the database answers.
std::string user_id_of_external(const std::string& external_id);

}  // namespace repartee::persistence
