// Who is calling, when finding that out may take a look into the database or a fetch of somebody's keys.
// Thread contract: identify() on any loop; `done` runs on that loop, once, before identify() returns where the answer is at hand.
#pragma once
#include <functional>
#include <memory>

#include "core/loop.hpp"
#include "realtime/auth/auth.hpp"

namespace repartee::auth {

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // unauthenticated: nothing was given where something is needed, or it is wrong, expired, revoked; unavailable, resource_exhausted,
  // deadline_exceeded: it could not be found out now.
  virtual void identify(Loop& loop, const Headers& headers, const std::vector<std::string>& subprotocols,
                        std::function<void(Result<Caller>)> done) const = 0;
};

// The configured keys and nothing else.
class ConfiguredKeys final : public Authenticator {
 public:
  explicit ConfiguredKeys(std::shared_ptr<const Auth> auth) : auth_(std::move(auth)) {}
  void identify(Loop&, const Headers& headers, const std::vector<std::string>& subprotocols,
                std::function<void(Result<Caller>)> done) const override {
    done(auth_->identify(headers, subprotocols));
  }

 private:
  const std::shared_ptr<const Auth> auth_;
};

}  // namespace repartee::auth
