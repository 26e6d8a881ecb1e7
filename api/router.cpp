#include "api/router.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

namespace repartee::api {
namespace {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    segments.emplace_back(path.substr(at, end - at));
    at = end + 1;
  }
  return segments;
}

bool is_param(const std::string& segment) { return segment.size() > 2 && segment.front() == '{' && segment.back() == '}'; }

using Params = std::map<std::string, std::string>;
std::optional<Params> match(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  Params params;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!is_param(pattern[i])) {
      if (pattern[i] != path[i]) return std::nullopt;
    } else {
      if (path[i].empty()) return std::nullopt;
      params[pattern[i].substr(1, pattern[i].size() - 2)] = path[i];
    }
  }
  return params;
}

std::string canonical_path(std::string_view path) {
  constexpr std::string_view api = "/api/", current = "/api/v1/";
  if (path.starts_with(api) && !path.starts_with(current)) return std::string(current) + std::string(path.substr(api.size()));
  return std::string(path);
}

bool is_api_path(std::string_view path) { return path.starts_with("/api/") || path.starts_with("/v1/"); }

// 404: a route was there, the id in it was not, or is another's, which is answered the same.
bool is_refusal(int status) { return status == 401 || status == 403 || status == 404 || status == 429; }

// "DELETE /api/v1/voice-models/{id}" is voice-models.delete.
std::string action_of(std::string_view method, const std::vector<std::string>& segments) {
  const char* verb = method == "POST"                       ? "create"
                     : method == "DELETE"                   ? "delete"
                     : method == "PATCH" || method == "PUT" ? "update"
                                                            : nullptr;
  const auto resource = std::find_if_not(segments.rbegin(), segments.rend(), is_param);
  return verb && resource != segments.rend() ? *resource + "." + verb : std::string();
}

// The handler behind the check that the description asks for.
CallHandler checked(const Operation* operation, CallHandler handler) {
  if (!operation) return handler;
  return [operation, handler = std::move(handler)](Call call) {
    if (auto refusal = operation->check(call.request, call.params, call.json))
      return call.respond(error_response(refusal->status, refusal->error, refusal->param));
    handler(std::move(call));
  };
}

transport::Response with_allow(int status, const std::set<std::string>& methods) {
  std::string allow;
  for (const auto& method : methods) allow += (allow.empty() ? "" : ", ") + method;
  if (status == 204) return {204, {{"Allow", allow}, {"Access-Control-Allow-Methods", allow}}, ""};
  auto response = error_response(status, {Errc::invalid_argument, "this method is not possible here; possible: " + allow});
  response.headers["Allow"] = allow;
  return response;
}

transport::Response lacks(const std::string& scope) {
  return error_response({Errc::permission_denied, "this key was not made for that: it lacks the scope \"" + scope + "\""});
}

}  // namespace

const nlohmann::json& Call::body() const {
  static const nlohmann::json none;
  return json ? *json : none;
}

std::optional<std::string> Call::query(const std::string& name) const {
  const auto at = request.query.find(name);
  return at == request.query.end() ? std::nullopt : std::optional(at->second);
}

Router::Router(std::shared_ptr<const auth::Auth> auth, std::shared_ptr<const auth::Authenticator> authenticator)
    : auth_(std::move(auth)),
      authenticator_(authenticator ? std::move(authenticator) : std::make_shared<const auth::ConfiguredKeys>(auth_)) {}

void Router::add(std::string_view method, std::string_view pattern, Access access, CallHandler handler, std::string_view action,
                 std::string_view scope) {
  auto segments = split_path(pattern);
  std::string told_as = action.empty() ? action_of(method, segments) : std::string(action);
  const auto needed = !scope.empty() ? scope : method == "GET" ? auth::scope::read : auth::scope::write;
  const Operation* operation = openapi_ ? openapi_->find(method, pattern) : nullptr;
  routes_.push_back({std::string(method), std::string(pattern), std::move(segments), access, checked(operation, std::move(handler)),
                     std::move(told_as), operation, std::string(needed)});
}

std::vector<std::pair<std::string, std::string>> Router::routes() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& route : routes_) all.emplace_back(route.method, route.pattern);
  return all;
}

const Router::Route* Router::find(std::string_view method, std::string_view path) const {
  const auto segments = split_path(canonical_path(path));
  for (const auto& route : routes_)
    if (route.method == method && match(route.segments, segments)) return &route;
  return nullptr;
}

const Operation* Router::operation_of(std::string_view method, std::string_view path) const {
  const auto* route = find(method, path);
  return route ? route->operation : nullptr;
}

void Router::set_fallback(CallHandler handler) { fallback_ = std::move(handler); }

void Router::handle(Loop& loop, transport::Request request, transport::Respond respond) const {
  if (const Status source = auth_->check_source(request.headers); !source)
    return told(request, {}, {}, std::move(respond))(error_response(source.error()));
  request.path = canonical_path(request.path);
  auto answer = with_cors(request, std::move(respond));
  dispatch(loop, std::move(request), std::move(answer));
}

void Router::judge_head(Loop& loop, const transport::Request& head, std::function<void(std::optional<transport::Response>)> done) const {
  auto respond = with_cors(head, [done](transport::Response refusal) { done(std::move(refusal)); });
  if (const Status source = auth_->check_source(head.headers); !source)
    return told(head, {}, {}, std::move(respond))(error_response(source.error()));
  const auto* route = find(head.method, head.path);
  if (!route || route->access == Access::open) return done(std::nullopt);
  const auto waiting = std::make_shared<Call>(Call{loop, head, {}, {}, std::move(respond)});
  authenticator_->identify(loop, waiting->request.headers, {}, [this, route, waiting, done](Result<auth::Caller> known) {
    if (!known) return refuse(std::move(*waiting), known.error());
    if (auth::allows(*known, route->scope)) return done(std::nullopt);
    told(waiting->request, *known, route->action, std::move(waiting->respond))(lacks(route->scope));
  });
}

// Tells the guard what was answered, where that is worth a line: a refusal, or what the route does.
transport::Respond Router::told(const transport::Request& request, const auth::Caller& caller, std::string action,
                                transport::Respond respond, std::shared_ptr<const std::string> acting_user) const {
  if (!guards_.on_answer) return respond;
  Answered answered{request.method, request.path, request.remote_address, request.header("user-agent"), caller.user_id, std::move(action)};
  return [tell = guards_.on_answer, respond = std::move(respond), answered = std::move(answered),
          acting_user = std::move(acting_user)](transport::Response response) mutable {
    answered.status = response.status;
    if (acting_user && !acting_user->empty()) answered.user_id = *acting_user;
    if (!answered.action.empty() || is_refusal(answered.status)) tell(answered);
    respond(std::move(response));
  };
}

// Pages of other origins that the configuration lists may read the answers; check_source has refused the rest.
transport::Respond Router::with_cors(const transport::Request& request, transport::Respond respond) const {
  std::string origin = request.header("origin");
  if (origin.empty()) return respond;
  return [respond = std::move(respond), origin = std::move(origin)](transport::Response response) {
    response.headers["Access-Control-Allow-Origin"] = origin;
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type";
    response.headers["Vary"] = "Origin";
    respond(std::move(response));
  };
}

void Router::dispatch(Loop& loop, transport::Request request, transport::Respond respond) const {
  const auto path = split_path(request.path);
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  std::set<std::string> possible;
  for (const auto& route : routes_) {
    auto params = match(route.segments, path);
    if (!params) continue;
    if (route.method == method) return call(route, loop, std::move(request), std::move(*params), std::move(respond));
    possible.insert(route.method);
  }
  const bool has_fallback = fallback_ && !is_api_path(request.path);
  if (possible.empty() && has_fallback && method == "GET") { return fallback_(Call{loop, std::move(request), {}, {}, std::move(respond)}); }
  if (possible.empty() && has_fallback) possible.insert("GET");
  if (possible.empty()) return respond(error_response({Errc::not_found, "there is nothing at this path"}));
  if (possible.contains("GET")) possible.insert("HEAD");
  possible.insert("OPTIONS");
  respond(with_allow(request.method == "OPTIONS" ? 204 : 405, possible));
}

void Router::call(const Route& route, Loop& loop, transport::Request request, Params params, transport::Respond respond) const {
  Call made{loop, std::move(request), std::move(params), {}, std::move(respond)};
  if (route.access == Access::open) return answer(route, std::move(made));
  const auto waiting = std::make_shared<Call>(std::move(made));
  authenticator_->identify(loop, waiting->request.headers, {}, [this, &route, waiting](Result<auth::Caller> known) {
    if (!known) return refuse(std::move(*waiting), known.error());
    waiting->caller = std::move(*known);
    answer(route, std::move(*waiting));
  });
}

void Router::answer(const Route& route, Call call) const {
  call.respond = told(call.request, call.caller, route.action, std::move(call.respond), call.acting_user);
  if (call.caller.is_ephemeral)  // else it could make itself another one, and so on
    return call.respond(error_response({Errc::permission_denied, "an ephemeral key only begins conversations"}));
  if (route.access == Access::key && !auth::allows(call.caller, route.scope)) return call.respond(lacks(route.scope));
  const bool guarded = guards_.admit && is_api_path(call.request.path);
  if (guarded) guards_.admit(std::move(call), route.handler);
  else route.handler(std::move(call));
}

// Nobody was known. Only a wrong or missing key counts as a guess; that it could not be looked up does not.
void Router::refuse(Call call, const Error& error) const {
  auto respond = told(call.request, {}, {}, std::move(call.respond));
  auto refusal = error_response(error);
  if (error.code == Errc::unauthenticated && guards_.on_wrong_key)
    return guards_.on_wrong_key(call.loop, call.request, std::move(refusal), std::move(respond));
  respond(std::move(refusal));
}

}  // namespace repartee::api
