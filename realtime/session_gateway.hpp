// The door of /v1/realtime: who may come in, with which clone they talk, and whether there is room; then a Session a connection.
// Thread contract: on_upgrade on the connection's loop, any loop; the counts from any thread. Outlives the transport.
#pragma once
#include <atomic>
#include <functional>
#include <string>

#include "core/limits.hpp"
#include "persistence/stores.hpp"
#include "realtime/auth/authenticator.hpp"
#include "realtime/auth/tier_limits.hpp"
#include "realtime/session.hpp"
#include "realtime/transport/server.hpp"

namespace repartee::realtime {

class SessionGateway {
 public:
  struct Options {
    SessionOptions session;
    int sessions_max = 2000;                   // beyond it new calls get 503 with Retry-After at once
    int retry_after_s = 5;
    std::string anonymous_user_id;             // owns the sessions of callers without a key
    std::string node = "local";
    const auth::Authenticator* authenticator = nullptr;  // outlives the gateway; null: the configured keys alone
    auth::Allowances* allowances = nullptr;  // outlives the gateway; null: tiers do not matter
    // May this caller begin another conversation? Null: the key was wrong, which counts too. Answers on the same loop. Empty: always.
    std::function<void(Loop&, const transport::Request&, const auth::Caller* caller, std::function<void(LimitDecision)> done)> limit;
    persistence::ConversationHistory* history = nullptr;   // read where the URL says history=1
    // 401, 403, 429: for the audit log. Null: nobody was known.
    std::function<void(const transport::Request&, const auth::Caller* caller, int status)> on_refusal;
  };
  using ServicesFor = std::function<SessionServices(Loop&)>;

  SessionGateway(Options options, const auth::Auth& auth, persistence::CloneDirectory& clones, ServicesFor services_for);

  // Answers GET /v1/realtime; `done` is called on the same loop, perhaps later.
  void on_upgrade(Loop& loop, transport::Request request, std::vector<std::string> subprotocols, std::function<void(transport::Accept)> done);

  int sessions() const { return sessions_; }
  bool has_room() const { return sessions_ < options_.sessions_max && !draining_; }
  void drain() { draining_ = true; }           // no new calls

 private:
  class Handler;
  using Done = std::function<void(transport::Accept)>;
  struct Upgrade;
  void known(const std::shared_ptr<Upgrade>& upgrade, Result<auth::Caller> caller);
  void begin(const std::shared_ptr<Upgrade>& upgrade, const std::shared_ptr<auth::Caller>& caller, Done done);
  void refuse_key(Loop& loop, const transport::Request& request, const Error& error, Done done);
  void look_up(Loop& loop, transport::Request request, auth::Caller caller, std::vector<std::string> subprotocols, Done done);
  Done told(const transport::Request& request, const auth::Caller* caller, Done done) const;
  void recall(Loop& loop, SessionStart start, std::function<void(SessionStart)> then);
  void admit(Loop& loop, const transport::Request& request, const std::string& user_id, const std::string& model_asked, Result<CloneRecord> clone,
             const std::vector<std::string>& subprotocols, const std::function<void(transport::Accept)>& done);

  const Options options_;
  const auth::Auth& auth_;
  persistence::CloneDirectory& clones_;
  const ServicesFor services_for_;
  std::atomic<int> sessions_{0};
  std::atomic<bool> draining_{false};
};

}  // namespace repartee::realtime
