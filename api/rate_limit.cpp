#include "api/rate_limit.hpp"

#include <array>

namespace repartee::api {
namespace {

struct Rule {
  std::string_view method, prefix, endpoint;
};
// What is not listed is "general".
constexpr std::array rules{
    Rule{"POST", "/api/v1/auth/refresh", "general"},    Rule{"POST", "/api/v1/auth/", "login"},
    Rule{"POST", "/api/v1/upload-reference", "upload"}, Rule{"POST", "/api/v1/face-models", "upload"},
    Rule{"POST", "/api/v1/recordings", "upload"},       Rule{"POST", "/api/v1/knowledge/search", "general"},
    Rule{"POST", "/api/v1/knowledge", "upload"},        Rule{"POST", "/v1/audio/transcriptions", "upload"},
    Rule{"POST", "/api/v1/analyze", "analysis"},        Rule{"POST", "/api/v1/analyses", "analysis"},
};

transport::Response too_many(const LimitDecision& decision) {
  auto response = error_response({Errc::resource_exhausted, "too many requests: at most " + std::to_string(decision.limit) + " a minute"});
  for (auto& [name, value] : limit_headers(decision)) response.headers[name] = value;
  return response;
}

transport::Respond with_headers(const LimitDecision& decision, transport::Respond respond) {
  if (decision.limit == 0) return respond;
  return [headers = limit_headers(decision), respond = std::move(respond)](transport::Response response) {
    for (const auto& [name, value] : headers) response.headers.emplace(name, value);
    respond(std::move(response));
  };
}

}  // namespace

std::string limit_of(std::string_view method, std::string_view path) {
  for (const auto& rule : rules)
    if (method == rule.method && path.starts_with(rule.prefix)) return std::string(rule.endpoint);
  return "general";
}

std::string limit_of(const auth::Caller& caller, const transport::Request& request, const std::set<std::string>& tiers) {
  auto endpoint = limit_of(request.method, request.path);
  return endpoint == "general" && tiers.contains(caller.tier) ? endpoint + "." + caller.tier : endpoint;
}

void add_rate_limits(Guards& guards, DecideLimit decide, LimitSubject subject_of, std::set<std::string> tiers) {
  guards.admit = [decide, subject_of, tiers = std::move(tiers)](Call call, const CallHandler& next) {
    const auto subject = subject_of(call.caller, call.request.remote_address);
    const auto endpoint = limit_of(call.caller, call.request, tiers);
    auto& loop = call.loop;
    decide(loop, subject, endpoint, [call = std::make_shared<Call>(std::move(call)), &next](const LimitDecision& decision) {
      if (!decision.allowed) return call->respond(too_many(decision));
      call->respond = with_headers(decision, std::move(call->respond));
      next(std::move(*call));
    });
  };
  guards.on_wrong_key = [decide = std::move(decide), subject_of](Loop& loop, const transport::Request& request, transport::Response refusal,
                                                                 transport::Respond respond) {
    decide(loop, subject_of({}, request.remote_address), "login",
           [refusal = std::move(refusal), respond = std::move(respond)](const LimitDecision& decision) {
             respond(decision.allowed ? refusal : too_many(decision));
           });
  };
}

}  // namespace repartee::api
