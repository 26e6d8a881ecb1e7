#include "commands/limits.hpp"

#include "api/rate_limit.hpp"
#include "config/load.hpp"
#include "persistence/roles.hpp"
#include "realtime/auth/limit_subject.hpp"

namespace repartee::commands {
namespace {

std::string endpoint_of_tier(const std::string& tier) { return std::string(persistence::RateLimiter::general) + "." + tier; }

persistence::RateLimiter::Options limiter_options(const config::Settings& settings) {
  const auto& limits = settings.limits;
  persistence::RateLimiter::Options options;
  options.enabled = limits.enabled;
  options.per_minute = {{persistence::RateLimiter::general, limits.general_per_minute},
                        {"login", limits.login_per_minute},
                        {"upload", limits.upload_per_minute},
                        {"analysis", limits.analysis_per_minute},
                        {"sessions", limits.sessions_per_minute}};
  for (const auto& [name, tier] : settings.tiers) options.per_minute[endpoint_of_tier(name)] = tier.requests_a_minute;
  options.subject_factors[auth::local_subject] = limits.local_factor;
  return options;
}

std::set<std::string> names_of(const std::map<std::string, config::Tier>& tiers) {
  std::set<std::string> names;
  for (const auto& [name, tier] : tiers) names.insert(name);
  return names;
}

bool is_open_on_loopback(const config::Settings& settings) {
  const auto listen = config::parse_listen(settings.server.listen);
  return !settings.auth.required && listen && listen->loopback;
}

}  // namespace

Limits::Limits(const config::Settings& settings, persistence::Store& store, Metrics& metrics)
    : open_on_loopback_(is_open_on_loopback(settings)),
      tiers_(names_of(settings.tiers)),
      limiter_(store.app(), limiter_options(settings), metrics),
      audit_([&recorder = store.recorder()](AuditRecord line) { return recorder.record_audit(std::move(line)); },
             {.anonymous_user_id = persistence::local_user_id}, metrics) {}

api::Guards Limits::guards() {
  api::Guards guards;
  api::add_rate_limits(guards, limiter_.as_function(), [this](const auth::Caller& caller, const std::string& remote_address) {
    return auth::limit_subject(caller, remote_address, open_on_loopback_);
  }, tiers_);
  guards.on_answer = [this](const api::Answered& answered) { audit_.note(answered, SteadyClock::now()); };
  return guards;
}

void Limits::guard(realtime::SessionGateway::Options& gateway) {
  gateway.limit = [this](Loop& loop, const transport::Request& request, const auth::Caller* caller,
                         std::function<void(LimitDecision)> done) {
    const auto subject = auth::limit_subject(caller ? *caller : auth::Caller{}, request.remote_address, open_on_loopback_);
    limiter_.decide(loop, subject, caller ? "sessions" : "login", 1, std::move(done));
  };
  gateway.on_refusal = [this](const transport::Request& request, const auth::Caller* caller, int status) {
    audit_.note({.method = request.method,
                 .path = request.path,
                 .remote_address = request.remote_address,
                 .user_agent = request.header("user-agent"),
                 .user_id = caller ? caller->user_id : "",
                 .action = "session.open",
                 .status = status},
                SteadyClock::now());
  };
}

LimitDecision Limits::left(const std::string& user_id, const std::string& remote_address) const {
  const auth::Caller caller{.user_id = user_id == persistence::local_user_id ? "" : user_id, .key_name = ""};
  return limiter_.last_known(auth::limit_subject(caller, remote_address, open_on_loopback_), "sessions");
}

}  // namespace repartee::commands
