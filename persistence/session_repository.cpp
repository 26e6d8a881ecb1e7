#include "persistence/session_repository.hpp"

namespace repartee::persistence {
namespace {

constexpr const char* turns_in_order =
    "WHERE session_id = $1 AND user_id = app_user_id()"
    " AND EXISTS (SELECT FROM conversation_sessions AS s WHERE s.id = session_id AND s.deleted_at IS NULL) ORDER BY turn_index";
constexpr Statement close_open{"session_close_left_open", R"(
  UPDATE conversation_sessions SET ended_at = greatest(last_active_at, started_at), end_reason = 'server_crash', state = 'idle'
  WHERE ended_at IS NULL AND node = $1 AND started_at < $2)"};

}  // namespace

Result<std::vector<SessionRecord>> SessionRepository::list(const std::string& user_id, std::size_t limit, std::optional<WallTime> before) {
  Filter<ConversationSession> filter;
  if (before) filter.where<&ConversationSession::started_at>(Is::less, *before);
  auto page = find_many(filter, user_id, Order<ConversationSession>::by<&ConversationSession::started_at>(true), "", limit);
  if (!page) return page.error();
  return std::vector<SessionRecord>(page->rows.begin(), page->rows.end());
}

Result<SessionRecord> SessionRepository::find(const std::string& id, const std::string& user_id) {
  auto session = find_by_id(id, user_id);
  if (!session) return session.error();
  return SessionRecord(*session);
}

Result<std::vector<TurnRecord>> SessionRepository::turns_of_session(const std::string& session_id, const std::string& user_id) {
  if (!is_uuid(session_id)) return std::vector<TurnRecord>();
  return as(user_id, [&](Transaction& t) {
    const auto& turns = ConversationTurn::table();
    const auto rows = turns.rows_of(turns.sql().select_tail(t, turns_in_order, Params(session_id)));
    return std::vector<TurnRecord>(rows.begin(), rows.end());
  });
}

Result<int> SessionRepository::close_left_open(const std::string& node, WallTime started_before) {
  return database_.run([&](Transaction& t) { return static_cast<int>(t.exec(close_open, Params(node, started_before)).affected()); });
}

}  // namespace repartee::persistence
