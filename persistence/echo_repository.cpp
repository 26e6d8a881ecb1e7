#include "persistence/echo_repository.hpp"

#include <nlohmann/json.hpp>

#include "core/ids.hpp"
#include "persistence/digest.hpp"
#include "persistence/roles.hpp"
#include "persistence/user_repository.hpp"

namespace repartee::persistence {
namespace {

// Of several with one name. The conditions say the same as the policies of echos, as all repositories do.
constexpr const char* by_name =
    "WHERE name = $1 AND deleted_at IS NULL AND (user_id = app_user_id() OR visibility = 'public')"
    " ORDER BY user_id = app_user_id() DESC NULLS LAST, created_at, id LIMIT 1";
constexpr const char* by_id_to_change = "WHERE id = $1 FOR UPDATE";

// settings.seed is the digest of what the program last wrote there: it differs once an operator changed something.
constexpr Statement seed_insert{
    "echo_seed_insert",
    "INSERT INTO echos (id, user_id, name, persona_prompt, greeting, tts_provider, voice_id, llm_provider, visibility, settings)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'public', jsonb_build_object('seed', $9::text)) ON CONFLICT (id) DO NOTHING"};
constexpr Statement seed_update{
    "echo_seed_update",
    "UPDATE echos SET name = $2, persona_prompt = $3, greeting = $4, tts_provider = $5, voice_id = $6, llm_provider = $7,"
    " settings = settings || jsonb_build_object('seed', $8::text) WHERE id = $1"};

constexpr Statement owner_traits{"echo_owner_traits", "SELECT coalesce(clone_traits($1), '{}') AS traits"};

// In the second person, like the persona before it.
std::string traits_sentence(const std::vector<std::string>& traits) {
  std::string list;
  for (const auto& trait : traits)
    if (!trait.empty()) list += (list.empty() ? "" : ", ") + trait;
  return list.empty() ? "" : "\nYour character: " + list + ".";
}

std::string seed_of(const CloneRecord& c) {
  std::string all;
  for (const auto* field : {&c.name, &c.persona_prompt, &c.greeting, &c.tts_provider, &c.voice_id, &c.llm_provider})
    all.append(*field).push_back('\0');
  return sha256_hex(all);
}

std::string stored_seed(const Echo& echo) {
  const auto settings = nlohmann::json::parse(echo.settings_json, nullptr, false);
  return settings.is_object() && settings.contains("seed") && settings["seed"].is_string() ? settings["seed"].get<std::string>() : "";
}

}  // namespace

Result<CloneRecord> EchoRepository::find(const std::string& id_or_name, const std::string& user_id) {
  return find_and(id_or_name, user_id, [](Transaction&, CloneRecord&) {});
}

Result<CloneRecord> EchoRepository::find_to_talk(const std::string& id_or_name, const std::string& user_id) {
  return find_and(id_or_name, user_id, [](Transaction& t, CloneRecord& clone) {
    const auto rows = t.exec(owner_traits, Params(clone.id));
    if (!rows.empty()) clone.persona_prompt += traits_sentence(parse_text_array(rows[0].text("traits")));
  });
}

Result<CloneRecord> EchoRepository::find_and(const std::string& id_or_name, const std::string& user_id,
                                             const std::function<void(Transaction&, CloneRecord&)>& then) {
  const Error none{Errc::not_found, "there is no such clone"};
  if (id_or_name.empty() || id_or_name.size() > name_chars_max * 4 || id_or_name.find('\0') != std::string::npos) return none;
  auto found = as(user_id, [&](Transaction& t) -> CloneRecord {
    CloneRecord clone = is_uuid(id_or_name) ? Echo::table().find(t, id_or_name)
                                            : Echo::table().first(Echo::table().sql().select_tail(t, by_name, Params(id_or_name)));
    then(t, clone);
    return clone;
  });
  if (!found && found.error().code == Errc::not_found) return none;
  return found;
}

Result<std::vector<CloneRecord>> EchoRepository::list(const std::string& user_id, std::size_t limit) {
  auto page = find_many({}, user_id, Order<Echo>::by<&Echo::created_at>(false), "", limit);
  if (!page) return page.error();
  return std::vector<CloneRecord>(page->rows.begin(), page->rows.end());
}

Status EchoRepository::create(const CloneRecord& clone) {
  Echo echo;
  static_cast<CloneRecord&>(echo) = clone;
  auto made = create(echo, clone.user_id);
  return made ? Status() : made.error();
}

CloneRecord as_default_clone(CloneRecord clone) {
  if (!is_uuid(clone.id)) clone.id = default_clone_id;
  clone.user_id = system_user_id;
  clone.is_public = true;
  return clone;
}

Result<CloneRecord> EchoRepository::ensure_default(const CloneRecord& wanted) {
  if (auto user = UserRepository(database_).ensure(system_user_id, "repartee:system"); !user) return user.error();
  const CloneRecord c = as_default_clone(wanted);
  const auto seed = seed_of(c);
  return database_.run(
      [&](Transaction& t) {
        t.exec(seed_insert,
               Params(c.id, c.user_id, c.name, c.persona_prompt, c.greeting, c.tts_provider, c.voice_id, c.llm_provider, seed));
        const auto rows = Echo::table().sql().select_tail(t, by_id_to_change, Params(c.id));
        if (rows.empty()) throw DatabaseError(Errc::conflict, "the default clone's id is taken by another user's clone");
        const auto present = Echo::table().row_of(rows[0]);
        if (seed_of(present) == seed || seed_of(present) != stored_seed(present)) return CloneRecord(present);
        t.exec(seed_update, Params(c.id, c.name, c.persona_prompt, c.greeting, c.tts_provider, c.voice_id, c.llm_provider, seed));
        return c;
      },
      {.user_id = system_user_id});
}

}  // namespace repartee::persistence
