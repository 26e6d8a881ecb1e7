#include "realtime/session_gateway.hpp"

#include <nlohmann/json.hpp>

#include "core/ids.hpp"
#include "core/log.hpp"

namespace repartee::realtime {
namespace {

transport::Accept refuse(int status, const char* type, const char* code, const std::string& message) {
  transport::Accept refusal;
  refusal.refusal.status = status;
  refusal.refusal.headers["Content-Type"] = "application/json";
  refusal.refusal.body =
      nlohmann::json{{"error", {{"type", type}, {"code", code}, {"message", message}, {"param", nullptr}}}}.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return refusal;
}

transport::Accept refuse_for_now(const LimitDecision& decision) {
  auto refusal = refuse(429, "rate_limit_error", "rate_limit_exceeded", "too many conversations begun: at most " + std::to_string(decision.limit) + " a minute");
  for (const auto& [name, value] : limit_headers(decision)) refusal.refusal.headers[name] = value;
  return refusal;
}

// Who it is could not be found out now.
transport::Accept refuse_unknown(const Error& error) {
  auto refusal = refuse(503, "server_error", to_string(error.code), "the key cannot be checked at the moment; try again shortly");
  refusal.refusal.headers["Retry-After"] = "5";
  return refusal;
}

// A stock client asks for one of OpenAI's models; here that means the default clone.
std::string clone_name_of(const std::string& model) {
  if (model.empty() || model.starts_with("gpt-") || model.starts_with("chatgpt-") || model.starts_with("o1") || model.starts_with("o3")) return "default";
  return model;
}

std::string query_value(const transport::Request& request, const char* name) {
  const auto at = request.query.find(name);
  return at == request.query.end() ? "" : at->second;
}

bool is_asked(const transport::Request& request, const char* name) {
  const auto value = query_value(request, name);
  return value == "1" || value == "true";
}

}  // namespace

// The transport's view of a session: made at the handshake, given its peer when the socket opens.
class SessionGateway::Handler final : public transport::PeerHandler {
 public:
  Handler(SessionGateway& gateway, Loop& loop, SessionStart start) : gateway_(gateway), loop_(loop), start_(std::move(start)) { ++gateway_.sessions_; }
  ~Handler() override {
    if (session_) session_->on_close("connection lost");
    --gateway_.sessions_;
  }

  void on_open(std::shared_ptr<transport::Peer> peer) override {
    session_ = std::make_shared<Session>(gateway_.services_for_(loop_), gateway_.options_.session, std::move(start_), std::move(peer));
    session_->open();
  }
  void on_text(std::string_view text) override { session_->on_text(text); }
  void on_binary(std::string_view bytes) override { session_->on_binary(bytes); }
  void on_close(int code, std::string_view reason) override {
    if (!session_) return;
    session_->on_close(reason.empty() ? code == 1000 || code == 1001 ? "client closed" : "connection lost" : reason);
    session_.reset();
  }

 private:
  SessionGateway& gateway_;
  Loop& loop_;
  SessionStart start_;
  std::shared_ptr<Session> session_;
};

SessionGateway::SessionGateway(Options options, const auth::Auth& auth, persistence::CloneDirectory& clones, ServicesFor services_for)
    : options_(std::move(options)), auth_(auth), clones_(clones), services_for_(std::move(services_for)) {}

// A handshake that waits for an answer: who it is, whether they may.
struct SessionGateway::Upgrade {
  Loop& loop;
  transport::Request request;
  std::vector<std::string> subprotocols;
  Done done;
};

void SessionGateway::on_upgrade(Loop& loop, transport::Request request, std::vector<std::string> subprotocols, std::function<void(transport::Accept)> done) {
  if (request.path != "/v1/realtime") return done(refuse(404, "invalid_request_error", "not_found", "WebSockets are served at /v1/realtime"));
  if (auto source = auth_.check_source(request.headers); !source)
    return told(request, nullptr, std::move(done))(refuse(403, "invalid_request_error", "forbidden", source.error().message));
  const auto upgrade = std::make_shared<Upgrade>(Upgrade{loop, std::move(request), std::move(subprotocols), std::move(done)});
  if (!options_.authenticator) return known(upgrade, auth_.identify(upgrade->request.headers, upgrade->subprotocols));
  options_.authenticator->identify(loop, upgrade->request.headers, upgrade->subprotocols,
                                   [this, upgrade](Result<auth::Caller> caller) { known(upgrade, std::move(caller)); });
}

void SessionGateway::known(const std::shared_ptr<Upgrade>& upgrade, Result<auth::Caller> identified) {
  const auto& request = upgrade->request;
  if (!identified && identified.error().code != Errc::unauthenticated) return upgrade->done(refuse_unknown(identified.error()));
  if (!identified) return refuse_key(upgrade->loop, request, identified.error(), told(request, nullptr, std::move(upgrade->done)));
  auto done = told(request, &*identified, std::move(upgrade->done));
  if (!auth::allows(*identified, auth::scope::realtime))
    return done(refuse(403, "permission_error", "permission_denied", "this key was not made for conversations: it lacks the scope \"realtime\""));
  const auto caller = std::make_shared<auth::Caller>(std::move(*identified));
  if (!options_.limit) return begin(upgrade, caller, std::move(done));
  options_.limit(upgrade->loop, request, caller.get(), [this, upgrade, caller, done = std::move(done)](const LimitDecision& decision) {
    if (!decision.allowed) return done(refuse_for_now(decision));
    begin(upgrade, caller, done);
  });
}

// Whether the caller's tier has something left this month.
void SessionGateway::begin(const std::shared_ptr<Upgrade>& upgrade, const std::shared_ptr<auth::Caller>& caller, Done done) {
  auto go_on = [this, upgrade, caller, done = std::move(done)](const Status& allowed) {
    if (!allowed) return done(refuse(429, "rate_limit_error", "insufficient_quota", allowed.error().message));
    look_up(upgrade->loop, std::move(upgrade->request), std::move(*caller), std::move(upgrade->subprotocols), done);
  };
  if (!options_.allowances) return go_on({});
  options_.allowances->may_converse(upgrade->loop, *caller, std::move(go_on));
}

void SessionGateway::refuse_key(Loop& loop, const transport::Request& request, const Error& error, Done done) {
  log::warn("gateway", "call refused: no valid key", {{"address", request.remote_address}});
  auto answer = [done = std::move(done), message = error.message](const LimitDecision& decision) {
    done(decision.allowed ? refuse(401, "invalid_request_error", "invalid_api_key", message) : refuse_for_now(decision));
  };
  if (!options_.limit) return answer({});
  options_.limit(loop, request, nullptr, std::move(answer));
}

SessionGateway::Done SessionGateway::told(const transport::Request& request, const auth::Caller* caller, Done done) const {
  if (!options_.on_refusal) return done;
  transport::Request about;
  about.method = request.method;
  about.path = request.path;
  about.headers = request.headers;
  about.remote_address = request.remote_address;
  return [this, about = std::move(about), caller = caller ? std::optional(*caller) : std::nullopt, done = std::move(done)](transport::Accept accept) {
    const int status = accept.refusal.status;
    if (!accept.handler && (status == 401 || status == 403 || status == 429)) options_.on_refusal(about, caller ? &*caller : nullptr, status);
    done(std::move(accept));
  };
}

void SessionGateway::look_up(Loop& loop, transport::Request request, auth::Caller caller, std::vector<std::string> subprotocols, Done done) {
  if (!has_room()) {
    auto full = refuse(503, "server_error", draining_ ? "draining" : "no_room", "no room for another call at the moment; try again shortly");
    full.refusal.headers["Retry-After"] = std::to_string(options_.retry_after_s);
    return done(std::move(full));
  }
  std::string asked = query_value(request, "clone_id");
  if (asked.empty()) asked = query_value(request, "model");
  const std::string user_id = caller.user_id.empty() ? options_.anonymous_user_id : caller.user_id;
  clones_.find(loop, clone_name_of(asked), user_id,
               [this, &loop, request = std::move(request), user_id, asked, subprotocols = std::move(subprotocols), done = std::move(done)](Result<CloneRecord> clone) {
                 admit(loop, request, user_id, asked, std::move(clone), subprotocols, done);
               });
}

void SessionGateway::admit(Loop& loop, const transport::Request& request, const std::string& user_id, const std::string& model_asked, Result<CloneRecord> clone,
                           const std::vector<std::string>& subprotocols, const std::function<void(transport::Accept)>& done) {
  if (!clone) {
    const bool missing = clone.error().code == Errc::not_found;
    return done(refuse(missing ? 404 : 503, missing ? "invalid_request_error" : "server_error", missing ? "model_not_found" : "unavailable",
                       missing ? "there is no clone '" + model_asked + "'; GET /v1/models lists them" : clone.error().message));
  }
  SessionStart start;
  start.session_id = new_uuid();
  start.user_id = user_id;
  start.model_asked = model_asked.empty() ? "default" : model_asked;
  start.node = options_.node;
  start.clone = std::move(clone).value();
  start.greet = is_asked(request, "greeting");
  start.remote_address = request.remote_address;
  start.user_agent = request.header("user-agent");
  start.started_at = std::chrono::system_clock::now();
  const auto enter = [this, &loop, subprotocol = auth::choose_subprotocol(subprotocols), done](SessionStart ready) {
    transport::Accept accept;
    accept.handler = std::make_unique<Handler>(*this, loop, std::move(ready));
    accept.subprotocol = subprotocol;
    done(std::move(accept));
  };
  if (options_.history && is_asked(request, "history")) return recall(loop, std::move(start), enter);
  enter(std::move(start));
}

// A conversation whose past cannot be read begins without it.
void SessionGateway::recall(Loop& loop, SessionStart start, std::function<void(SessionStart)> then) {
  const auto waiting = std::make_shared<SessionStart>(std::move(start));
  options_.history->recent(loop, waiting->clone.id, waiting->user_id, [waiting, then = std::move(then)](const Result<std::vector<persistence::SaidBefore>>& said) {
    if (!said) log::warn("gateway", "what was said before could not be read", {{"session", waiting->session_id}, {"why", said.error().message}});
    else
      for (const auto& message : *said)
        waiting->history.push_back({message.role == "user" ? pipeline::Role::user : message.role == "assistant" ? pipeline::Role::assistant : pipeline::Role::system, message.content});
    then(std::move(*waiting));
  });
}

}  // namespace repartee::realtime
