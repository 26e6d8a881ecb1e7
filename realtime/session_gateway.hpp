// The door of /v1/realtime: who may come in, with which clone they talk, and whether there is room; then a live session, or the one that its client
// comes back to.
// Thread contract: on_upgrade on the connection's loop, any loop; the counts from any thread. Outlives the transport.
#pragma once
#include <atomic>
#include <functional>
#include <string>

#include "core/limits.hpp"
#include "persistence/stores.hpp"
#include "realtime/auth/authenticator.hpp"
#include "realtime/auth/resume_tokens.hpp"
#include "realtime/auth/tier_limits.hpp"
#include "realtime/session.hpp"
#include "realtime/session_registry.hpp"
#include "realtime/transport/server.hpp"

namespace repartee::realtime {

class SessionGateway {
 public:
  struct Options {
    SessionOptions session;
    int sessions_max = 2000;                   // beyond it new calls get 503 with Retry-After at once
    int retry_after_s = 5;
    int sessions_per_user_max = 0;             // of a user with a key, on this node; 0: no limit
    std::function<bool()> admits;              // may the machine take another call? Empty: always
    std::string anonymous_user_id;             // owns the sessions of callers without a key
    std::string node = "local";
    const auth::Authenticator* authenticator = nullptr;  // outlives the gateway; null: the configured keys alone
    auth::Allowances* allowances = nullptr;  // outlives the gateway; null: tiers do not matter
    auth::CredentialWatch* watch = nullptr;              // outlives the gateway; null: nobody tells of revoked keys
    // May this caller begin another conversation? Null: the key was wrong, which counts too. Answers on the same loop. Empty: always.
    std::function<void(Loop&, const transport::Request&, const auth::Caller* caller, std::function<void(LimitDecision)> done)> limit;
    persistence::ConversationHistory* history = nullptr;   // read where the URL says history=1
    // 401, 403, 429: for the audit log. Null: nobody was known.
    std::function<void(const transport::Request&, const auth::Caller* caller, int status)> on_refusal;
    // Coming back after a lost connection; both outlive the gateway. Null: not possible; from the store not possible.
    LiveSession::Options live;
    const auth::ResumeTokens* resume_tokens = nullptr;
    persistence::ConversationArchive* archive = nullptr;
    Duration restore_within = std::chrono::hours(24);   // after its last activity, for a conversation that is not alive any more; zero: never
  };
  using ServicesFor = std::function<SessionServices(Loop&)>;

  SessionGateway(Options options, const auth::Auth& auth, persistence::CloneDirectory& clones, ServicesFor services_for);

  // Answers GET /v1/realtime and /v1/twilio; `done` is called on the same loop, perhaps later.
  void on_upgrade(Loop& loop, transport::Request request, std::vector<std::string> subprotocols, std::function<void(transport::Accept)> done);

  int sessions() const { return sessions_; }
  bool has_room() const { return sessions_ < sessions_max_ && !draining_ && (!options_.admits || options_.admits()); }
  void set_sessions_max(int count) { sessions_max_ = count; }   // any thread
  void drain() { draining_ = true; }           // no new calls
  // Every session gets an error event with the reason, then its connection is closed; any thread, takes effect soon.
  void close_all(int code, const std::string& error_code, const std::string& reason);

 private:
  using Done = std::function<void(transport::Accept)>;
  struct Upgrade;
  void known(const std::shared_ptr<Upgrade>& upgrade, Result<auth::Caller> caller);
  void begin(const std::shared_ptr<Upgrade>& upgrade, const std::shared_ptr<auth::Caller>& caller, Done done);
  void refuse_key(Loop& loop, const transport::Request& request, const Error& error, Done done);
  void look_up(Loop& loop, transport::Request request, auth::Caller caller, std::vector<std::string> subprotocols, Done done);
  Done told(const transport::Request& request, const auth::Caller* caller, Done done) const;
  // What a new session is made of, while clone and past are looked up.
  struct Entry {
    Loop& loop;
    transport::Request request;
    auth::Caller caller;
    std::vector<std::string> subprotocols;
    std::string asked;                         // the model, as it was asked for
    std::optional<ConversationRecord> restored;
  };
  void resume(Loop& loop, transport::Request request, auth::Caller caller, std::vector<std::string> subprotocols, Done done);
  void restore(Loop& loop, transport::Request request, auth::Caller caller, Result<ConversationRecord> before, std::vector<std::string> subprotocols, Done done);
  void find_clone(Entry entry, const std::string& id_or_name, Done done);
  void admit(Entry entry, CloneRecord clone, const Done& done);
  void recall(Loop& loop, SessionStart start, std::function<void(SessionStart)> then);
  transport::Accept enter(const Entry& entry, SessionStart start);
  transport::Accept answer_telephone(Loop& loop, transport::Request request);
  transport::Accept refuse_full() const;
  std::string user_of(const auth::Caller& caller) const { return caller.user_id.empty() ? options_.anonymous_user_id : caller.user_id; }
  int sessions_at_once(const auth::Caller& caller) const;

  const Options options_;
  const auth::Auth& auth_;
  persistence::CloneDirectory& clones_;
  const ServicesFor services_for_;
  std::atomic<int> sessions_{0}, sessions_max_;
  std::atomic<bool> draining_{false};
  SessionRegistry registry_;                   // last: its sessions give their seats back
};

}  // namespace repartee::realtime
