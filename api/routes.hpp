// The resources of the HTTP interface; each function adds its routes to the router, which has the description they are checked against.
// Thread contract: as the Router says.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "api/accounts.hpp"
#include "api/backend.hpp"
#include "api/router.hpp"
#include "core/metrics.hpp"
#include "realtime/auth/tokens.hpp"

namespace repartee::api {

// GET /health: the process lives. GET /ready: 200, or 503 with the reasons. GET /metrics: Prometheus text.
using NotReadyReasons = std::function<std::vector<std::string>()>;  // empty: ready; quick, it runs on a loop
void add_health_routes(Router& router, NotReadyReasons not_ready_reasons, const Metrics& metrics);

// GET /api/v1/openapi.json
void add_openapi_route(Router& router, std::shared_ptr<const OpenApi> openapi);

// GET /api/v1/voices: every voice of every speech provider.
void add_voice_routes(Router& router, const Backend& backend);

// Clones: /api/v1/echo, and GET /v1/models, the same in OpenAI's form.
void add_echo_routes(Router& router, const Backend& backend);

// What was said with a clone, and saying more in text: /api/v1/conversation/{echo_id}.
void add_conversation_routes(Router& router, const Backend& backend);

// What the caller's documents say: POST /api/v1/knowledge/search.
void add_knowledge_search_route(Router& router, const Backend& backend);

// Conversations as they were recorded: /api/v1/sessions.
void add_session_routes(Router& router, const Backend& backend);

// What turns took and cost: /api/v1/metrics/latency, /api/v1/metrics/cost.
void add_figure_routes(Router& router, const Backend& backend);

// Documents: /api/v1/knowledge.
void add_knowledge_routes(Router& router, const Backend& backend);

// POST /v1/realtime/client_secrets: ephemeral keys. `tokens` outlives the router.
void add_client_secret_routes(Router& router, const auth::Tokens& tokens);

// All of the above.
struct RouteParts {
  const Backend& backend;
  std::shared_ptr<const OpenApi> openapi;
  NotReadyReasons not_ready_reasons;
  const Metrics& metrics;
  const auth::Tokens& tokens;
  const AccountBackend* accounts = nullptr;  // accounts.hpp; null: a server without accounts
};
void add_routes(Router& router, const RouteParts& parts);

}  // namespace repartee::api
