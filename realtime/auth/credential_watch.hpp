// Tells running calls that what they came in with was revoked: an API key, a sign-in, or the whole user.
// Thread contract: watch() and the handle's destruction on `loop`; `on_revoked` runs there, at most once. revoked(), watched() from any
// thread. The loops outlive it.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/loop.hpp"
#include "realtime/auth/auth.hpp"

namespace repartee::auth {

class CredentialWatch {
 public:
  virtual ~CredentialWatch() = default;
  // Destroying the handle ends the watch. Null for a caller of whom nothing can be revoked.
  virtual StreamPtr watch(Loop& loop, const Caller& caller, Task on_revoked) = 0;
};

// What NOTIFY repartee_credentials says, passed on. A payload is a credential_id ("key:<uuid>", "signin:<uuid>"), or "user:<uuid>": all
// of the user's.
class Revocations final : public CredentialWatch {
 public:
  static constexpr const char* channel = "repartee_credentials";
  // So long a revocation is remembered: a call that was just being let in hears of it too.
  static constexpr Duration remembered_for = std::chrono::seconds(10);
  static constexpr std::size_t remembered_max = 4'096;

  Revocations();
  ~Revocations() override;
  StreamPtr watch(Loop& loop, const Caller& caller, Task on_revoked) override;
  void revoked(const std::string& payload, TimePoint now);
  struct Watched {
    std::string payload, user_id;
    friend bool operator==(const Watched&, const Watched&) = default;
  };
  std::vector<Watched> watched() const;  // what calls depend on now, each once, to look again after a gap

 private:
  struct Shared;
  class Handle;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace repartee::auth
