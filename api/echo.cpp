// Clones: table `echos`. The persona and the settings of another's clone stay inside.
#include <algorithm>

#include "api/json_fields.hpp"
#include "api/request_body.hpp"
#include "api/routes.hpp"
#include "core/ids.hpp"
#include "persistence/echo_repository.hpp"

namespace repartee::api {
namespace {

using persistence::DatabaseError;
using persistence::Echo;
using persistence::EchoRepository;
using persistence::Patch;
using persistence::Transaction;

constexpr std::int64_t clones_max = 1000;  // a user's, without removed ones
constexpr std::size_t settings_bytes_max = 16 * 1024;

Json echo_json(const Echo& echo, const std::string& user) {
  return {{"id", echo.id},
          {"name", echo.name},
          {"greeting", echo.greeting},
          {"tts_provider", echo.tts_provider},
          {"voice_id", echo.voice_id},
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

transport::Response whole(int status, const Echo& echo, const std::string& user) {
  Json json = echo_json(echo, user);
  if (echo.user_id == user) {
    json["persona_prompt"] = echo.persona_prompt;
    json["settings"] = parsed(echo.settings_json);
  }
  return object_response(status, "echo", dump(json));
}

Json model_json(const Echo& echo) {
  const auto created = std::chrono::duration_cast<std::chrono::seconds>(echo.created_at.time_since_epoch()).count();
  return {
      {"id", echo.id}, {"object", "model"}, {"created", created}, {"owned_by", echo.is_public ? "repartee" : "user"}, {"name", echo.name}};
}

// ---- what only the server can judge ----

struct Objection {
  std::string message, param;
};
transport::Response objected(const Objection& objection) {
  return error_response({Errc::invalid_argument, objection.message}, objection.param);
}

std::string names_of(const auto& providers) {
  std::string names;
  for (const auto& [name, provider] : providers) names += (names.empty() ? "" : ", ") + name;
  return names;
}

std::optional<Objection> check_name(const std::string& name) {
  const bool blank = std::all_of(name.begin(), name.end(), [](char c) { return c == ' '; });
  const bool control = std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (blank || control) return Objection{"name must not be blank or hold control characters", "/name"};
  if (name == "default" || is_uuid(name))
    return Objection{"name must not be 'default' or a UUID: /v1/realtime would take it for another clone", "/name"};
  return std::nullopt;
}

std::optional<Objection> check_voice(const Backend& backend, const std::string& provider, const std::string& voice) {
  if (provider.empty() && voice.empty()) return std::nullopt;
  if (provider.empty()) return Objection{"tts_provider must be named along with voice_id", "/tts_provider"};
  const auto at = backend.tts.find(provider);
  if (at == backend.tts.end()) return Objection{"tts_provider must be one that this server has: " + names_of(backend.tts), "/tts_provider"};
  if (voice.empty()) return std::nullopt;
  const auto voices = at->second->voices();
  if (std::any_of(voices.begin(), voices.end(), [&](const auto& info) { return info.id == voice; })) return std::nullopt;
  return Objection{"voice_id must be a voice of " + provider + "; GET /api/v1/voices lists them", "/voice_id"};
}

// What the fields of a request say by themselves; the voice is checked with what the row has.
std::optional<Objection> check_fields(const Backend& backend, const Json& body) {
  if (body.contains("name"))
    if (auto objection = check_name(body["name"])) return objection;
  if (const std::string llm = body.value("llm_provider", ""); !llm.empty() && !backend.llms.contains(llm))
    return Objection{"llm_provider must be one that this server has: " + names_of(backend.llms), "/llm_provider"};
  if (body.contains("settings") && body["settings"].dump().size() > settings_bytes_max)
    return Objection{"settings must be at most " + std::to_string(settings_bytes_max) + " bytes of JSON", "/settings"};
  return std::nullopt;
}

// ---- the operations ----

using Order = persistence::Order<Echo>;
Order oldest_first() { return Order::by<&Echo::created_at>(false); }

Result<transport::Response> list(const Backend& backend, const Call& call) {
  const auto query = parse_list_query(call.request);
  if (!query) return error_response(query.error());
  const auto user = backend.user_of(call.caller);
  persistence::Filter<Echo> filter;
  if (call.query("own") == "true" || call.query("own") == "1") filter.own();
  if (call.query("deleted") == "true" || call.query("deleted") == "1") filter.deleted(persistence::Deleted::only);
  const auto page =
      EchoRepository(backend.database).find_many(filter, user, oldest_first(), query->cursor, static_cast<std::size_t>(query->limit));
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

Result<transport::Response> show(const Backend& backend, const Call& call) {
  const auto user = backend.user_of(call.caller);
  const auto echo = EchoRepository(backend.database).find_by_id(call.param("id"), user);
  if (!echo) return missing(echo.error(), "clone");
  return whole(200, *echo, user);
}

Result<transport::Response> create(const Backend& backend, const Call& call) {
  const Json& body = call.body();
  Echo echo;
  echo.name = body.at("name");
  echo.persona_prompt = body.value("persona_prompt", "");
  echo.greeting = body.value("greeting", "");
  echo.tts_provider = body.value("tts_provider", "");
  echo.voice_id = body.value("voice_id", "");
  echo.llm_provider = body.value("llm_provider", "");
  echo.knowledge_scope = body.value("knowledge_scope", echo.knowledge_scope);
  echo.is_public = body.value("visibility", "private") == "public";
  if (body.contains("settings")) echo.settings_json = dump(body["settings"]);
  if (const auto objection = check_fields(backend, body)) return objected(*objection);
  if (const auto objection = check_voice(backend, echo.tts_provider, echo.voice_id)) return objected(*objection);
  const auto user = backend.user_of(call.caller);
  const auto made = backend.database.run(
      [&](Transaction& t) {
        if (Echo::table().count(t, persistence::Filter<Echo>().own()) >= clones_max)
          throw DatabaseError(Errc::resource_exhausted, "nobody has more than " + std::to_string(clones_max) + " clones; remove one first");
        return Echo::table().create(t, echo, user);
      },
      {.user_id = user});
  if (!made) return made.error();
  backend.clone_changed(made->id);  // a look-up may remember that there was none of this name
  return whole(201, *made, user);
}

Patch<Echo> patch_of(const Json& body) {
  Patch<Echo> patch;
  if (body.contains("name")) patch.set<&Echo::name>(body["name"].get<std::string>());
  if (body.contains("persona_prompt")) patch.set<&Echo::persona_prompt>(body["persona_prompt"].get<std::string>());
  if (body.contains("greeting")) patch.set<&Echo::greeting>(body["greeting"].get<std::string>());
  if (body.contains("tts_provider")) patch.set<&Echo::tts_provider>(body["tts_provider"].get<std::string>());
  if (body.contains("voice_id")) patch.set<&Echo::voice_id>(body["voice_id"].get<std::string>());
  if (body.contains("llm_provider")) patch.set<&Echo::llm_provider>(body["llm_provider"].get<std::string>());
  if (body.contains("knowledge_scope")) patch.set<&Echo::knowledge_scope>(body["knowledge_scope"].get<std::string>());
  if (body.contains("visibility")) patch.set<&Echo::is_public>(body["visibility"] == "public");
  if (body.contains("settings")) patch.set<&Echo::settings_json>(dump(body["settings"]));
  return patch;
}

Result<transport::Response> change(const Backend& backend, const Call& call) {
  const Json& body = call.body();
  if (const auto objection = check_fields(backend, body)) return objected(*objection);
  const auto user = backend.user_of(call.caller);
  std::optional<Objection> objection;
  const auto changed = backend.database.run(
      [&](Transaction& t) {
        const auto present = Echo::table().find(t, call.param("id"));
        if (present.user_id != user) throw DatabaseError(Errc::not_found, "another's");
        // Only what the request says of the voice is judged: a voice that went away does not keep its clone from being renamed.
        if (body.contains("tts_provider") || body.contains("voice_id"))
          objection = check_voice(backend, body.value("tts_provider", present.tts_provider), body.value("voice_id", present.voice_id));
        return objection ? present : Echo::table().update(t, present.id, patch_of(body));
      },
      {.user_id = user});
  if (!changed) return missing(changed.error(), "clone");
  if (objection) return objected(*objection);
  backend.clone_changed(call.param("id"));
  return whole(200, *changed, user);
}

Result<transport::Response> remove(const Backend& backend, const Call& call) {
  const auto removed = EchoRepository(backend.database).remove(call.param("id"), backend.user_of(call.caller));
  if (!removed) return missing(removed.error(), "clone");
  backend.clone_changed(call.param("id"));
  return success_response("removed; POST .../restore brings it back");
}

Result<transport::Response> restore(const Backend& backend, const Call& call) {
  const auto user = backend.user_of(call.caller);
  EchoRepository echos(backend.database);
  if (const auto restored = echos.restore(call.param("id"), user); !restored) return missing(restored.error(), "removed clone");
  backend.clone_changed(call.param("id"));
  const auto echo = echos.find_by_id(call.param("id"), user);
  if (!echo) return missing(echo.error(), "clone");
  return whole(200, *echo, user);
}

}  // namespace

void add_echo_routes(Router& router, const Backend& backend) {
  const auto on = [&backend](auto work) {
    return backend.blocking.handler([&backend, work](const Call& call) { return work(backend, call); });
  };
  router.add("GET", "/api/v1/echo", Access::key, on(list));
  router.add("POST", "/api/v1/echo", Access::key, on(create), "clone.create");
  router.add("GET", "/api/v1/echo/{id}", Access::key, on(show));
  router.add("PATCH", "/api/v1/echo/{id}", Access::key, on(change), "clone.update");
  router.add("DELETE", "/api/v1/echo/{id}", Access::key, on(remove), "clone.delete");
  router.add("POST", "/api/v1/echo/{id}/restore", Access::key, on(restore), "clone.restore");
  router.add("GET", "/v1/models", Access::key, on(models));
}

}  // namespace repartee::api
