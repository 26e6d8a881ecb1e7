// Clones: table `echos`. The persona of another's clone stays inside.
#include "api/json_fields.hpp"
#include "api/routes.hpp"
#include "persistence/echo_repository.hpp"

namespace repartee::api {
namespace {

using persistence::Echo;
using persistence::EchoRepository;
using persistence::Page;

Json echo_json(const Echo& echo, const std::string& user) {
  return {{"id", echo.id},
          {"name", echo.name},
          {"greeting", echo.greeting},
          {"voice", {{"provider", echo.tts_provider}, {"id", echo.voice_id}}},
          {"llm_provider", echo.llm_provider},
          {"knowledge_scope", echo.knowledge_scope},
          {"visibility", echo.is_public ? "public" : "private"},
          {"is_public", echo.is_public},
          {"is_own", echo.user_id == user},
          {"voice_model_id", or_null(echo.voice_model_id)},
          {"face_model_id", or_null(echo.face_model_id)},
          {"created_at", time_json(echo.created_at)},
          {"updated_at", time_json(echo.updated_at)},
          {"deleted_at", time_json(echo.deleted_at)}};
}

Json model_json(const Echo& echo) {
  const auto created = std::chrono::duration_cast<std::chrono::seconds>(echo.created_at.time_since_epoch()).count();
  return {
      {"id", echo.id}, {"object", "model"}, {"created", created}, {"owned_by", echo.is_public ? "repartee" : "user"}, {"name", echo.name}};
}

using Order = persistence::Order<Echo>;
Order oldest_first() { return Order::by<&Echo::created_at>(false); }

Result<transport::Response> list(const Backend& backend, const Call& call) {
  const auto query = parse_list_query(call.request);
  if (!query) return error_response(query.error());
  const auto user = backend.user_of(call.caller);
  const auto page =
      EchoRepository(backend.database).find_many({}, user, oldest_first(), query->cursor, static_cast<std::size_t>(query->limit));
  if (!page) return page.error();
  JsonPage json{{}, page->next_cursor};
  for (const auto& echo : page->rows) json.items.push_back(dump(echo_json(echo, user)));
  return list_response("echos", json);
}

// OpenAI's form has no pages: the newest of what would not fit stay away.
Result<transport::Response> models(const Backend& backend, const Call& call) {
  const auto page =
      EchoRepository(backend.database).find_many({}, backend.user_of(call.caller), oldest_first(), "", persistence::page_rows_max);
  if (!page) return page.error();
  Json data = Json::array();
  for (const auto& echo : page->rows) data.push_back(model_json(echo));
  return json_response(200, dump({{"object", "list"}, {"data", std::move(data)}, {"has_more", !page->next_cursor.empty()}}));
}

}  // namespace

void add_echo_routes(Router& router, const Backend& backend) {
  const auto on = [&backend](auto work) {
    return backend.blocking.handler([&backend, work](const Call& call) { return work(backend, call); });
  };
  router.add("GET", "/api/v1/echo", Access::key, on(list));
  router.add("GET", "/v1/models", Access::key, on(models));
}

}  // namespace repartee::api
