// What a user of a tier may do, and whether there is still room for it this month.
// Thread contract: the functions are pure; Allowances as said there.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "core/loop.hpp"
#include "realtime/auth/auth.hpp"

namespace repartee::auth {

struct TierLimits {  // 0: unlimited
  int sessions_at_once = 0;
  Duration session_max{};
  std::int64_t turns_a_month = 0;
  std::int64_t upload_bytes_max = 0;  // of one upload
  std::int64_t storage_bytes_max = 0;
  int requests_a_minute = 0;
};

struct UsedSoFar {
  std::int64_t turns = 0;          // turn.count of this month
  std::int64_t storage_bytes = 0;  // users.storage_used_bytes
};

// resource_exhausted with a message for the user; HTTP and the gateway make 429 insufficient_quota of it.
Status room_for_turn(const TierLimits& limits, const UsedSoFar& used);
Status room_for_upload(const TierLimits& limits, const UsedSoFar& used, std::int64_t bytes);

// Thread contract: every member on any loop; `done` runs there, once, before the call returns where the answer is at hand. What was used is
// remembered for some seconds, so a user may get a little further than the limit says.
class Allowances {
 public:
  using Done = std::function<void(Status)>;
  virtual ~Allowances() = default;
  // Everything unlimited for a caller without a tier.
  virtual TierLimits limits_of(const Caller& caller) const = 0;
  // Before a conversation begins, before a turn of one, before a typed question. When the usage cannot be looked up, it is allowed.
  virtual void may_converse(Loop& loop, const Caller& caller, Done done) = 0;
  virtual void may_upload(Loop& loop, const Caller& caller, std::int64_t bytes, Done done) = 0;
};

}  // namespace repartee::auth
