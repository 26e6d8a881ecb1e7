// GET /api/v1/metrics/latency and /metrics/cost: what the caller's own turns took and cost, by stage, provider and day.
#include "api/json_fields.hpp"
#include "api/routes.hpp"
#include "persistence/repositories/array_text.hpp"

namespace repartee::api {
namespace {

using persistence::Params;
using persistence::Row;
using persistence::Rows;
using persistence::Statement;
using persistence::Transaction;

constexpr std::chrono::days span_default{30}, span_max{366};

// $1 from, $2 to, $3 clone or null, $4 whether by day. Rows of a removed session do not count. The percentiles are interpolated.
constexpr Statement latency_sql{"api_latency", R"(
  SELECT CASE WHEN $4::boolean THEN (t.started_at AT TIME ZONE 'UTC')::date END AS day, m.stage, m.provider, count(*) AS turns,
         percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY m.ms) AS percentiles
  FROM conversation_turns AS t JOIN conversation_sessions AS s ON s.id = t.session_id
  CROSS JOIN LATERAL (VALUES ('endpointing', '', t.endpointing_ms), ('asr', s.asr_provider, t.asr_latency_ms), ('rag', '', t.rag_latency_ms),
                             ('llm', s.llm_provider, t.llm_latency_ms), ('tts', s.tts_provider, t.tts_latency_ms),
                             ('total', '', t.total_latency_ms)) AS m(stage, provider, ms)
  WHERE t.user_id = app_user_id() AND s.deleted_at IS NULL AND t.started_at >= $1 AND t.started_at < $2
    AND ($3::uuid IS NULL OR s.echo_id = $3::uuid) AND m.ms IS NOT NULL
  GROUP BY 1, 2, 3 ORDER BY 1 NULLS FIRST, 2, 3)"};

constexpr Statement cost_sql{"api_cost", R"(
  SELECT CASE WHEN $4::boolean THEN (t.started_at AT TIME ZONE 'UTC')::date END AS day, m.stage, m.provider, count(*) AS turns,
         sum(m.cost) AS cost, m.unit, sum(m.quantity)::bigint AS quantity,
         percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY m.cost::double precision) AS percentiles
  FROM conversation_turns AS t JOIN conversation_sessions AS s ON s.id = t.session_id
  CROSS JOIN LATERAL (VALUES ('asr', s.asr_provider, t.asr_cost, 'audio_ms', t.asr_audio_ms), ('rag', '', t.rag_cost, '', 0),
                             ('llm', s.llm_provider, t.llm_cost, 'tokens', t.llm_input_tokens + t.llm_output_tokens),
                             ('tts', s.tts_provider, t.tts_cost, 'characters', t.tts_characters), ('total', '', t.total_cost, '', 0))
    AS m(stage, provider, cost, unit, quantity)
  WHERE t.user_id = app_user_id() AND s.deleted_at IS NULL AND t.started_at >= $1 AND t.started_at < $2
    AND ($3::uuid IS NULL OR s.echo_id = $3::uuid) AND (m.stage = 'total' OR m.cost > 0 OR m.quantity > 0)
  GROUP BY 1, 2, 3, m.unit ORDER BY 1 NULLS FIRST, 2, 3)"};

struct Span {
  WallTime from, to;
};

Result<Span> span_of(const Call& call) {
  const auto given_from = time_of(call.query("from")), given_to = time_of(call.query("to"));
  if (!given_from) return given_from.error();
  if (!given_to) return given_to.error();
  const WallTime to = given_to->value_or(std::chrono::system_clock::now());
  const WallTime from = given_from->value_or(to - span_default);
  if (from >= to || to - from > span_max)
    return Error{Errc::invalid_argument, "from must be before to, and at most " + std::to_string(span_max.count()) + " days"};
  return Span{from, to};
}

void add_percentiles(Json& into, const Row& row, const char* unit) {
  static constexpr const char* names[] = {"p50", "p90", "p95", "p99"};
  const auto values = persistence::parse_text_array(row.text("percentiles"));
  for (std::size_t i = 0; i < std::size(names); ++i) into[names[i] + std::string(unit)] = std::stod(values.at(i));
}

Json common(const Row& row) {
  return {{"day", row.is_null("day") ? Json() : Json(row.text("day"))},
          {"stage", row.text("stage")},
          {"provider", row.text("provider")},
          {"turns", row.integer("turns")}};
}

Json latency_json(const Row& row) {
  Json json = common(row);
  add_percentiles(json, row, "_ms");
  return json;
}

Json cost_json(const Row& row) {
  Json json = common(row);
  json["cost"] = money_json(row.money("cost"));
  json["unit"] = row.text("unit").empty() ? Json() : Json(row.text("unit"));
  json["quantity"] = row.text("unit").empty() ? Json() : Json(row.integer("quantity"));
  add_percentiles(json, row, "_cost");
  return json;
}

CallHandler figures(const Backend& backend, const Statement& statement, const char* plural, Json (*form)(const Row&)) {
  return backend.blocking.handler([&backend, statement, plural, form](const Call& call) -> Result<transport::Response> {
    const auto span = span_of(call);
    if (!span) return error_response(span.error(), "from");
    const bool by_day = call.query("per").value_or("day") == "day";
    const auto rows =
        backend.database.run([&](Transaction& t) { return t.exec(statement, Params(span->from, span->to, call.query("echo_id"), by_day)); },
                             {.user_id = backend.user_of(call.caller)});
    if (!rows) return rows.error();
    Json all = Json::array();
    for (const auto& row : *rows) all.push_back(form(row));
    const auto count = all.size();
    return json_response(200, dump({{plural, std::move(all)},
                                    {"count", count},
                                    {"next_cursor", nullptr},
                                    {"from", time_json(span->from)},
                                    {"to", time_json(span->to)}}));
  });
}

}  // namespace

void add_figure_routes(Router& router, const Backend& backend) {
  router.add("GET", "/api/v1/metrics/latency", Access::key, figures(backend, latency_sql, "latencies", latency_json));
  router.add("GET", "/api/v1/metrics/cost", Access::key, figures(backend, cost_sql, "costs", cost_json));
}

}  // namespace repartee::api
