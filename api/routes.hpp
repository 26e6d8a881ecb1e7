// The resources of the HTTP interface; each function adds its routes to the router. What they answer comes through functions that
// the wiring gives: those must not block, and call `done` once, on any thread.
// Thread contract: as the Router says.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "api/router.hpp"
#include "core/metrics.hpp"
#include "core/records.hpp"
#include "pipeline/providers.hpp"

namespace repartee::api {

// GET /health: the process lives. GET /ready: 200, or 503 with the reasons. GET /metrics: Prometheus text.
using NotReadyReasons = std::function<std::vector<std::string>()>;  // empty: ready; quick, it runs on a loop
void add_health_routes(Router& router, NotReadyReasons not_ready_reasons, const Metrics& metrics);

// GET /api/v1/echo: the clones that the caller may talk to. GET /v1/models: the same in OpenAI's form.
struct ClonePage {
  std::vector<CloneRecord> clones;
  std::string next_cursor{};
};
using ListClones = std::function<void(Loop&, auth::Caller, ListQuery, std::function<void(Result<ClonePage>)> done)>;
void add_echo_routes(Router& router, ListClones list_clones);

// GET /api/v1/voices: every voice of every speech provider.
void add_voice_routes(Router& router, std::vector<pipeline::VoiceInfo> voices);

// GET /api/v1/sessions/{id}/turns: a conversation's turns, oldest first, as the database has them; not_found for another's.
using ListTurns = std::function<void(Loop&, auth::Caller, std::string session_id, ListQuery, std::function<void(Result<JsonPage>)> done)>;
void add_session_routes(Router& router, ListTurns list_turns);

}  // namespace repartee::api
