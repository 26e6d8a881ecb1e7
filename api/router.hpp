// HTTP requests to the functions that answer them: patterns with {names}, methods, who may call, and the answers for everybody else.
// `/api/X` is an alias of `/api/v1/X`; HEAD is GET without its body; OPTIONS says what is allowed. What a request brings is checked against
// the written description (openapi.hpp) after the caller is known and the limits have passed it, and before the handler.
// Thread contract: add() and set_fallback() before the first request; handle() from any loop. Handlers run on the connection's loop and
// must not block: they answer later, from any thread, through Call::respond.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/json_response.hpp"
#include "api/openapi.hpp"
#include "realtime/auth/authenticator.hpp"
#include "realtime/transport/server.hpp"

namespace repartee::api {

struct Call {
  Loop& loop;
  transport::Request request;
  std::map<std::string, std::string> params;  // of the pattern: {id}
  auth::Caller caller;
  transport::Respond respond;
  std::shared_ptr<const nlohmann::json> json = {};  // the body, where the description says it is JSON; null: there was none

  const nlohmann::json& body() const;  // null where there was no body; valid by the description. Include api/request_body.hpp and nlohmann
  const std::string& param(const std::string& name) const { return params.at(name); }
  std::optional<std::string> query(const std::string& name) const;
};
using CallHandler = std::function<void(Call)>;

enum class Access {
  open,  // anybody
  key,   // a valid key where keys are required
};

// A request that was answered, as the audit log wants to know it.
struct Answered {
  std::string method, path, remote_address, user_agent;
  std::string user_id;  // empty: nobody was known
  std::string action;   // what the route does ("transcript.read"); empty: nothing that is audited when it succeeds
  int status = 0;
};

// What stands before and behind the handlers; each may be empty. They run on the connection's loop and must not block.
struct Guards {
  std::function<void(Call call, const CallHandler& next)> admit;  // before a handler of /api/ or /v1/: calls `next`, or answers
  // A missing or wrong key: answers with `refusal`, or with something sterner.
  std::function<void(Loop& loop, const transport::Request& request, transport::Response refusal, transport::Respond respond)> on_wrong_key;
  std::function<void(const Answered& answered)> on_answer;  // any thread
};

class Router {
 public:
  // Without an authenticator: by the configured keys alone.
  explicit Router(std::shared_ptr<const auth::Auth> auth, std::shared_ptr<const auth::Authenticator> authenticator = nullptr);
  // `pattern` as in "/api/v1/sessions/{id}/turns"; of several that fit, the first added with the method answers.
  // `action`: what the audit log calls it; without one only what changes something is audited, as "<resource>.create|update|delete".
  // `scope`: what a key must have been made for (auth::scope); none given: "read" for GET, "write" for the rest.
  void add(std::string_view method, std::string_view pattern, Access access, CallHandler handler, std::string_view action = {},
           std::string_view scope = {});
  void set_openapi(std::shared_ptr<const OpenApi> openapi) { openapi_ = std::move(openapi); }  // before add()
  std::vector<std::pair<std::string, std::string>> routes() const;                             // method and pattern, as added
  const Operation* operation_of(std::string_view method, std::string_view path) const;         // of the route that would answer; null: none
  void set_guards(Guards guards) { guards_ = std::move(guards); }
  void set_fallback(CallHandler handler);  // GET and HEAD of what no pattern fits, outside /api/ and /v1/
  void handle(Loop& loop, transport::Request request, transport::Respond respond) const;  // for transport::Handlers::on_request
  // For transport::Handlers::may_send_large_body: refuses whoever would be refused later, whatever the body, for want of a key or a scope.
  void judge_head(Loop& loop, const transport::Request& head, std::function<void(std::optional<transport::Response>)> done) const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> segments;
    Access access;
    CallHandler handler;
    std::string action;
    const Operation* operation = nullptr;  // null: not described
    std::string scope;
  };

  const Route* find(std::string_view method, std::string_view path) const;  // null: none
  void dispatch(Loop& loop, transport::Request request, transport::Respond respond) const;
  void call(const Route& route, Loop& loop, transport::Request request, std::map<std::string, std::string> params,
            transport::Respond respond) const;
  void answer(const Route& route, Call call) const;
  void refuse(Call call, const Error& error) const;
  transport::Respond told(const transport::Request& request, const auth::Caller& caller, std::string action,
                          transport::Respond respond) const;
  transport::Respond with_cors(const transport::Request& request, transport::Respond respond) const;

  const std::shared_ptr<const auth::Auth> auth_;
  const std::shared_ptr<const auth::Authenticator> authenticator_;
  std::shared_ptr<const OpenApi> openapi_;
  std::vector<Route> routes_;
  CallHandler fallback_;
  Guards guards_;
};

}  // namespace repartee::api
