#include <nlohmann/json.hpp>

#include "api/routes.hpp"

namespace repartee::api {

void add_health_routes(Router& router, NotReadyReasons not_ready_reasons, const Metrics& metrics) {
  router.add("GET", "/health", Access::open, [](const Call& call) { call.respond(json_response(200, R"({"status":"healthy"})")); });
  router.add("GET", "/ready", Access::open, [reasons_of = std::move(not_ready_reasons)](const Call& call) {
    const auto reasons = reasons_of();
    if (reasons.empty()) return call.respond(json_response(200, R"({"status":"ready"})"));
    const nlohmann::json body{{"status", "not ready"}, {"reasons", reasons}};
    auto response = json_response(503, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    response.headers["Retry-After"] = "5";
    call.respond(std::move(response));
  });
  router.add("GET", "/metrics", Access::key, [&metrics](const Call& call) {
    call.respond({200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}, {"Cache-Control", "no-store"}}, metrics.text()});
  });
}

}  // namespace repartee::api
