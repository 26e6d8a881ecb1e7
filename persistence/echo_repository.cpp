#include "persistence/echo_repository.hpp"

#include "core/ids.hpp"
#include "persistence/digest.hpp"
#include "persistence/roles.hpp"
#include "persistence/user_repository.hpp"

namespace repartee::persistence {
namespace {

#define ECHO_COLUMNS "id, user_id, name, persona_prompt, greeting, tts_provider, voice_id, llm_provider, visibility = 'public' AS is_public"
// The policies of echos say the same as these conditions; they also hold where the database gave us no roles.
#define ECHO_VISIBLE "deleted_at IS NULL AND (user_id = app_user_id() OR visibility = 'public')"

constexpr Statement find_by_id{"echo_by_id", "SELECT " ECHO_COLUMNS " FROM echos WHERE id = $1 AND " ECHO_VISIBLE};
constexpr Statement find_by_name{"echo_by_name", "SELECT " ECHO_COLUMNS " FROM echos WHERE name = $1 AND " ECHO_VISIBLE
                                                 " ORDER BY user_id = app_user_id() DESC NULLS LAST, created_at, id LIMIT 1"};
constexpr Statement list_visible{"echo_list", "SELECT " ECHO_COLUMNS " FROM echos WHERE " ECHO_VISIBLE " ORDER BY created_at, id LIMIT $1"};
constexpr Statement insert{
    "echo_insert",
    "INSERT INTO echos (id, user_id, name, persona_prompt, greeting, tts_provider, voice_id, llm_provider, visibility)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"};
#undef ECHO_VISIBLE

// settings.seed is the digest of what the program last wrote there: it differs once an operator changed something.
constexpr Statement seed_insert{
    "echo_seed_insert",
    "INSERT INTO echos (id, user_id, name, persona_prompt, greeting, tts_provider, voice_id, llm_provider, visibility, settings)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'public', jsonb_build_object('seed', $9::text)) ON CONFLICT (id) DO NOTHING"};
constexpr Statement seed_read{"echo_seed_read", "SELECT " ECHO_COLUMNS ", settings->>'seed' AS seed FROM echos WHERE id = $1 FOR UPDATE"};
constexpr Statement seed_update{
    "echo_seed_update",
    "UPDATE echos SET name = $2, persona_prompt = $3, greeting = $4, tts_provider = $5, voice_id = $6, llm_provider = $7,"
    " settings = settings || jsonb_build_object('seed', $8::text) WHERE id = $1"};
#undef ECHO_COLUMNS

CloneRecord to_clone(const Row& row) {
  CloneRecord clone;
  clone.id = row.text("id");
  clone.user_id = row.text("user_id");
  clone.name = row.text("name");
  clone.persona_prompt = row.text("persona_prompt");
  clone.greeting = row.text("greeting");
  clone.tts_provider = row.text("tts_provider");
  clone.voice_id = row.text("voice_id");
  clone.llm_provider = row.text("llm_provider");
  clone.is_public = row.boolean("is_public");
  return clone;
}

std::string seed_of(const CloneRecord& c) {
  std::string all;
  for (const auto* field : {&c.name, &c.persona_prompt, &c.greeting, &c.tts_provider, &c.voice_id, &c.llm_provider})
    all.append(*field).push_back('\0');
  return sha256_hex(all);
}

}  // namespace

Result<CloneRecord> EchoRepository::find(const std::string& id_or_name, const std::string& user_id) {
  const Error none{Errc::not_found, "there is no such clone"};
  if (id_or_name.empty() || id_or_name.size() > name_chars_max * 4 || id_or_name.find('\0') != std::string::npos) return none;
  const auto& statement = is_uuid(id_or_name) ? find_by_id : find_by_name;
  auto rows = database_.run([&](Transaction& t) { return t.exec(statement, Params(id_or_name)); }, {.user_id = user_id});
  if (!rows) return rows.error();
  if (rows->empty()) return none;
  return to_clone((*rows)[0]);
}

Result<std::vector<CloneRecord>> EchoRepository::list(const std::string& user_id, std::size_t limit) {
  auto rows = database_.run([&](Transaction& t) { return t.exec(list_visible, Params(std::min(limit, list_max))); }, {.user_id = user_id});
  if (!rows) return rows.error();
  std::vector<CloneRecord> clones;
  for (const auto& row : *rows) clones.push_back(to_clone(row));
  return clones;
}

Status EchoRepository::create(const CloneRecord& c) {
  return database_.run(
      [&](Transaction& t) {
        t.exec(insert, Params(c.id, c.user_id, c.name, c.persona_prompt, c.greeting, c.tts_provider, c.voice_id, c.llm_provider,
                              c.is_public ? "public" : "private"));
      },
      {.user_id = c.user_id});
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
        const auto rows = t.exec(seed_read, Params(c.id));
        if (rows.empty()) throw DatabaseError(Errc::conflict, "the default clone's id is taken by another user's clone");
        const auto present = to_clone(rows[0]);
        if (seed_of(present) == seed || seed_of(present) != rows[0].text("seed")) return present;
        t.exec(seed_update, Params(c.id, c.name, c.persona_prompt, c.greeting, c.tts_provider, c.voice_id, c.llm_provider, seed));
        return c;
      },
      {.user_id = system_user_id});
}

}  // namespace repartee::persistence
