// Joins the rate limiter and the audit log to the doors: the router's guards, the gateway, the sessions.
// Thread contract: made before the loops run, outlives the transport; the functions it gives run on any loop.
#pragma once
#include <set>
#include <string>

#include "api/audit.hpp"
#include "api/router.hpp"
#include "config/settings.hpp"
#include "persistence/rate_limiter.hpp"
#include "persistence/store.hpp"
#include "realtime/session_gateway.hpp"

namespace repartee::commands {

class Limits {
 public:
  Limits(const config::Settings& settings, persistence::Store& store, Metrics& metrics);

  api::Guards guards();  // for the router
  void guard(realtime::SessionGateway::Options& gateway);
  LimitDecision left(const std::string& user_id, const std::string& remote_address) const;  // SessionServices::limit_left

 private:
  const bool open_on_loopback_;
  const std::set<std::string> tiers_;
  persistence::RateLimiter limiter_;
  api::AuditTrail audit_;
};

}  // namespace repartee::commands
