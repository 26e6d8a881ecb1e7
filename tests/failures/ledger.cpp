#include "tests/failures/ledger.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "persistence/roles.hpp"
#include "persistence/session_repository.hpp"
#include "realtime/protocol/server_events.hpp"

namespace repartee::test {
namespace {

using nlohmann::json;
using persistence::Statement;

// A message of the user's and one of the assistant's belong to a turn that has them. More is a turn written twice.
constexpr Statement doubled_messages{"doubled_messages", R"(
  SELECT string_agg(format('session %s: %s messages of %s, %s turns', m.session_id, m.count, m.role, t.count), '; ') AS v
  FROM (SELECT session_id, role, count(*) FROM messages WHERE session_id IS NOT NULL GROUP BY 1, 2) AS m
  JOIN (SELECT session_id, count(*) FROM conversation_turns GROUP BY 1) AS t USING (session_id) WHERE m.count > t.count)"};

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

std::map<TurnKey, json> rows_of(const std::set<std::string>& sessions, persistence::Database& database) {
  std::map<TurnKey, json> rows;
  persistence::SessionRepository repository(database);
  for (const auto& id : sessions)
    for (const auto& turn : must(repository.turns_of_session(id, persistence::local_user_id)))
      rows[TurnKey(id, turn.turn_index)] = json::parse(realtime::server_events::turn_row_json(turn));
  return rows;
}

// Empty: the row says what the client was told.
std::string difference(const ToldTurn& told, const json& row) {
  if (row.value("revision", 0) > told.revision) return {};
  for (const json event = json::parse(told.event_json); const auto& [field, value] : event.items())
    if (field != "type" && field != "event_id" && field != "seq" && row.value(field, json()) != value)
      return field + ": told " + value.dump() + ", written " + row.value(field, json()).dump();
  return {};
}

}  // namespace

Ledger compare(const ToldTurns& told, const persistence::DatabaseTarget& owner) {
  Metrics metrics;
  persistence::Database database(owner, {}, metrics);
  std::set<std::string> sessions;
  for (const auto& [key, turn] : told) sessions.insert(key.first);
  const auto rows = rows_of(sessions, database);
  Ledger ledger{.told = told.size(), .rows = rows.size()};
  for (const auto& [key, turn] : told) {
    const auto row = rows.find(key);
    const std::string what = row == rows.end() ? "not there" : difference(turn, row->second);
    if (what.empty()) ++ledger.found;
    else if (ledger.first_difference.empty())
      ledger.first_difference = "turn " + std::to_string(key.second) + " of " + key.first + ": " + what;
  }
  ledger.doubled = must(database.run([](persistence::Transaction& t) { return t.exec(doubled_messages)[0].text("v"); }));
  return ledger;
}

std::string scalar(const persistence::DatabaseTarget& owner, const char* sql) {
  Metrics metrics;
  persistence::Database database(owner, {}, metrics);
  const Statement statement{"scalar", sql};
  return must(database.run([&](persistence::Transaction& t) {
    const auto rows = t.exec(statement);
    return rows.empty() ? std::string() : rows[0].text("v");
  }));
}

}  // namespace repartee::test
