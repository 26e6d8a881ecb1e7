#include "realtime/session_gateway.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/ids.hpp"
#include "core/log.hpp"
#include "realtime/call_handlers.hpp"
#include "realtime/twilio/twilio_call.hpp"

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

// Nonsense, or nothing: the client has seen nothing.
std::uint64_t after_seq_of(const transport::Request& request) {
  constexpr std::uint64_t seq_max = 1ULL << 53;   // what JSON's numbers hold exactly
  const std::string text = query_value(request, "after_seq");
  std::uint64_t seq = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seq);
  return error == std::errc() && end == text.data() + text.size() && seq < seq_max ? seq : 0;
}

// The clone that an ephemeral key was made for.
std::string model_wished(const std::string& session_json) {
  const auto session = nlohmann::json::parse(session_json, nullptr, false);
  if (!session.is_object()) return {};
  const auto model = session.find("model");
  return model != session.end() && model->is_string() ? model->get<std::string>() : "";
}

transport::Accept refuse_session() {
  return refuse(404, "invalid_request_error", "session_not_found", "there is no such session to resume, or the token is not its own");
}

transport::Accept refuse_clone(const Error& error, const std::string& asked) {
  const bool missing = error.code == Errc::not_found;
  return refuse(missing ? 404 : 503, missing ? "invalid_request_error" : "server_error", missing ? "model_not_found" : "unavailable",
                missing ? "there is no clone '" + asked + "'; GET /v1/models lists them" : error.message);
}

}  // namespace

SessionGateway::SessionGateway(Options options, const auth::Auth& auth, persistence::CloneDirectory& clones, ServicesFor services_for)
    : options_(std::move(options)), auth_(auth), clones_(clones), services_for_(std::move(services_for)), sessions_max_(options_.sessions_max) {}

// A handshake that waits for an answer: who it is, whether they may.
struct SessionGateway::Upgrade {
  Loop& loop;
  transport::Request request;
  std::vector<std::string> subprotocols;
  Done done;
};

void SessionGateway::on_upgrade(Loop& loop, transport::Request request, std::vector<std::string> subprotocols, std::function<void(transport::Accept)> done) {
  const bool telephone = request.path == "/v1/twilio";
  if (!telephone && request.path != "/v1/realtime")
    return done(refuse(404, "invalid_request_error", "not_found", "WebSockets are served at /v1/realtime and, for Twilio Media Streams, at /v1/twilio"));
  if (auto source = auth_.check_source(request.headers); !source)
    return told(request, nullptr, std::move(done))(refuse(403, "invalid_request_error", "forbidden", source.error().message));
  if (telephone) return done(answer_telephone(loop, std::move(request)));
  const auto upgrade = std::make_shared<Upgrade>(Upgrade{loop, std::move(request), std::move(subprotocols), std::move(done)});
  if (!options_.authenticator) return known(upgrade, auth_.identify(upgrade->request.headers, upgrade->subprotocols));
  options_.authenticator->identify(loop, upgrade->request.headers, upgrade->subprotocols,
                                   [this, upgrade](Result<auth::Caller> caller) { known(upgrade, std::move(caller)); });
}

// Who calls is said by the stream's first messages; the conversation then comes in like any other.
transport::Accept SessionGateway::answer_telephone(Loop& loop, transport::Request request) {
  if (!has_room()) return refuse_full();
  transport::Accept accept;
  accept.handler = std::make_unique<twilio::TwilioCall>(loop, std::move(request), [this, &loop](transport::Request call, Done done) {
    on_upgrade(loop, std::move(call), {}, std::move(done));
  });
  return accept;
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

transport::Accept SessionGateway::refuse_full() const {
  auto full = refuse(503, "server_error", draining_ ? "draining" : "no_room", "no room for another call at the moment; try again shortly");
  full.refusal.headers["Retry-After"] = std::to_string(options_.retry_after_s);
  return full;
}

void SessionGateway::look_up(Loop& loop, transport::Request request, auth::Caller caller, std::vector<std::string> subprotocols, Done done) {
  if (request.query.contains("session_id")) return resume(loop, std::move(request), std::move(caller), std::move(subprotocols), std::move(done));
  if (!has_room()) return done(refuse_full());
  if (const int most = sessions_at_once(caller); most > 0 && registry_.count_of_user(caller.user_id) >= static_cast<std::size_t>(most))
    return done(refuse(429, "rate_limit_error", "too_many_sessions", "at most " + std::to_string(most) + " conversations at once"));
  std::string asked = query_value(request, "clone_id");
  if (asked.empty()) asked = query_value(request, "model");
  if (asked.empty()) asked = model_wished(caller.session_json);
  const std::string name = clone_name_of(asked);
  find_clone(Entry{loop, std::move(request), std::move(caller), std::move(subprotocols), asked, std::nullopt}, name, std::move(done));
}

// A live session is taken up where it is; one that ended, or was lost with the server, goes on from what the store has of it. Who does not
// know the token learns nothing.
void SessionGateway::resume(Loop& loop, transport::Request request, auth::Caller caller, std::vector<std::string> subprotocols, Done done) {
  std::string session_id = query_value(request, "session_id");
  if (session_id.starts_with("sess_")) session_id.erase(0, 5);
  const std::string user_id = user_of(caller);
  const bool known = options_.resume_tokens && options_.resume_tokens->is_right(session_id, user_id, query_value(request, "resume_token"));
  if (!known) return done(refuse_session());
  if (auto found = registry_.find(session_id, user_id)) {
    transport::Accept accept;
    accept.handler = std::make_unique<ResumedCall>(loop, std::move(*found), after_seq_of(request), Credential{std::move(caller), options_.watch});
    accept.subprotocol = auth::choose_subprotocol(subprotocols);
    return done(std::move(accept));
  }
  if (!options_.archive || options_.restore_within <= Duration::zero()) return done(refuse_session());
  if (!has_room()) return done(refuse_full());
  options_.archive->load(loop, session_id, user_id,
                         [this, &loop, request = std::move(request), caller, subprotocols = std::move(subprotocols), done = std::move(done)](Result<ConversationRecord> before) mutable {
                           restore(loop, std::move(request), std::move(caller), std::move(before), std::move(subprotocols), std::move(done));
                         });
}

void SessionGateway::restore(Loop& loop, transport::Request request, auth::Caller caller, Result<ConversationRecord> before, std::vector<std::string> subprotocols, Done done) {
  if (!before && before.error().code != Errc::not_found) {
    log::warn("gateway", "a conversation could not be read", {{"why", before.error().message}});
    return done(refuse_full());
  }
  if (!before || std::chrono::system_clock::now() - before->session.last_active_at > options_.restore_within) return done(refuse_session());
  const std::string clone_id = before->session.echo_id, asked = query_value(request, "model");
  find_clone(Entry{loop, std::move(request), std::move(caller), std::move(subprotocols), asked, std::move(before).value()}, clone_id, std::move(done));
}

void SessionGateway::find_clone(Entry entry, const std::string& id_or_name, Done done) {
  Loop& loop = entry.loop;
  const std::string user_id = user_of(entry.caller);
  const auto waiting = std::make_shared<Entry>(std::move(entry));
  clones_.find(loop, id_or_name, user_id, [this, waiting, id_or_name, done = std::move(done)](Result<CloneRecord> clone) {
    if (!clone) return done(refuse_clone(clone.error(), waiting->asked.empty() ? id_or_name : waiting->asked));
    admit(std::move(*waiting), std::move(clone).value(), done);
  });
}

// Of a user; callers without one are everybody.
int SessionGateway::sessions_at_once(const auth::Caller& caller) const {
  if (caller.user_id.empty()) return 0;
  const int of_tier = options_.allowances ? options_.allowances->limits_of(caller).sessions_at_once : 0;
  if (of_tier == 0 || options_.sessions_per_user_max == 0) return std::max(of_tier, options_.sessions_per_user_max);
  return std::min(of_tier, options_.sessions_per_user_max);
}

void SessionGateway::admit(Entry entry, CloneRecord clone, const Done& done) {
  const auto& request = entry.request;
  const auto& caller = entry.caller;
  SessionStart start;
  start.session_id = entry.restored ? entry.restored->session.id : new_uuid();
  start.user_id = user_of(caller);
  start.wishes_json = caller.session_json;
  start.model_asked = entry.asked.empty() ? "default" : entry.asked;
  start.node = options_.node;
  start.clone = std::move(clone);
  start.greet = !entry.restored && is_asked(request, "greeting");
  start.remote_address = request.remote_address;
  start.user_agent = request.header("user-agent");
  start.started_at = std::chrono::system_clock::now();
  if (options_.allowances) start.session_max = options_.allowances->limits_of(caller).session_max;
  if (options_.resume_tokens && options_.live.resume_within > Duration::zero())
    start.resume = {options_.resume_tokens->make(start.session_id, start.user_id), to_ms(options_.live.resume_within)};
  start.restored = std::move(entry.restored);
  const bool recalls = options_.history && !start.restored && is_asked(request, "history");
  if (!recalls) return done(enter(entry, std::move(start)));
  Loop& loop = entry.loop;
  recall(loop, std::move(start), [this, entry = std::move(entry), done](SessionStart ready) { done(enter(entry, std::move(ready))); });
}

transport::Accept SessionGateway::enter(const Entry& entry, SessionStart start) {
  const std::uint64_t first_seq = start.restored ? after_seq_of(entry.request) + 1 : 1;
  transport::Accept accept;
  ++sessions_;
  accept.handler = std::make_unique<NewCall>(NewCall::Parts{.loop = entry.loop,
                                                            .registry = registry_,
                                                            .services_for = services_for_,
                                                            .session = options_.session,
                                                            .live = options_.live,
                                                            .start = std::move(start),
                                                            .credential = {entry.caller, options_.watch},
                                                            .first_seq = first_seq,
                                                            .seat = std::shared_ptr<void>(nullptr, [this](void*) { --sessions_; })});
  accept.subprotocol = auth::choose_subprotocol(entry.subprotocols);
  return accept;
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

void SessionGateway::close_all(int code, const std::string& error_code, const std::string& reason) {
  registry_.for_each([code, error_code, reason](LiveSession& session) { session.expel(code, error_code, reason); });
}

}  // namespace repartee::realtime
