// What the operator does with users: over the owner's pool, so with everybody's rows, removed ones too.
// Thread contract: any thread; blocking.
#pragma once
#include <string>
#include <vector>

#include "persistence/database.hpp"

namespace repartee::persistence {

struct UserLine {
  std::string id, email, username, external_id, tier;
  bool is_active = true, is_verified = false, is_deleted = false;
  std::optional<WallTime> last_login_at;
  WallTime created_at{};
};

class UserAdmin {
 public:
  explicit UserAdmin(Database& owner) : database_(owner) {}

  Result<std::vector<UserLine>> list();                  // oldest first, without the system's and the local one; at most list_max
  Result<std::string> find(const std::string& who);      // an id, address, username or external id; not_found
  Status set_active(const std::string& id, bool active);
  Status verify(const std::string& id);
  Status restore(const std::string& id);                 // not_found: it is not removed, or erased already
  // An active subscription of the plan takes the place of the one there is; free: of none.
  Status set_tier(const std::string& id, const std::string& tier);

  static constexpr int list_max = 10'000;

 private:
  Status change(const Statement& statement, const std::string& id);
  Database& database_;
};

}  // namespace repartee::persistence
