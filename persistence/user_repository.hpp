// Users (table users): the common shape, those a live conversation needs to be there, and who a credential belongs to.
// Thread contract: any thread; blocking.
#pragma once
#include <string>

#include "persistence/repositories/people.hpp"

namespace repartee::persistence {

class UserRepository : public Repository<User> {
 public:
  using Repository::Repository;
  // Makes the user if missing. `external_id`: who they are elsewhere (an API key's name in the configuration, "repartee:local").
  Status ensure(const std::string& id, const std::string& external_id);

  // Before anybody is signed in: the id, to work on as that user. not_found; also for a removed one.
  Result<std::string> id_of_email(const std::string& email);  // in any case
  Result<std::string> id_of_external(const std::string& external_id);
};

// The id of a user known by a name elsewhere: the same each time, so that a call can start before the database answers.
std::string user_id_of_external(const std::string& external_id);

}  // namespace repartee::persistence
