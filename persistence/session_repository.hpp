// Conversations as they were recorded: the common shape without create and update, which are the recorder's (a caller sees only their own),
// and closing what a crash left open.
// Thread contract: any thread; blocking.
#pragma once
#include <string>
#include <vector>

#include "persistence/repositories/conversations.hpp"

namespace repartee::persistence {

class SessionRepository : public Repository<ConversationSession> {
 public:
  static constexpr std::size_t list_max = 200;

  using Repository::Repository;
  // Newest first. `before`: only sessions that started earlier than it; the way to the next page.
  Result<std::vector<SessionRecord>> list(const std::string& user_id, std::size_t limit = 50,
                                          std::optional<WallTime> before = std::nullopt);
  Result<SessionRecord> find(const std::string& id, const std::string& user_id);
  Result<std::vector<TurnRecord>> turns_of_session(const std::string& session_id, const std::string& user_id);  // in order

  // With the recorder's database: ends the sessions of this node that began before `started_before` and never ended, as of when they were
  // last active, with end_reason server_crash. How many.
  Result<int> close_left_open(const std::string& node, WallTime started_before);
};

}  // namespace repartee::persistence
