// The faces of the store that a live session meets. None ever blocks the caller.
// Thread contract: every member from any thread.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/loop.hpp"
#include "core/records.hpp"
#include "core/result.hpp"

namespace repartee::persistence {

// Write-behind record of what happened. Idempotent on (session_id, turn_index); a higher revision replaces.
class TurnSink {
 public:
  virtual ~TurnSink() = default;
  // false: the bounded queue is full; counted and logged by the sink. `on_safe` runs on any thread once the turn cannot be lost any
  // more (today: committed; with the journal: on disk). It may be empty.
  virtual bool record_turn(TurnRecord turn, std::function<void()> on_safe) = 0;
  virtual bool record_session(SessionRecord session) = 0;  // opened, updated, closed: the latest state of the row
  virtual bool record_audit(AuditRecord line) = 0;
};

// Looks clones up by id or name ("default" included). Sees public clones and the caller's own (user_id may be empty).
class CloneDirectory {
 public:
  virtual ~CloneDirectory() = default;
  // Asynchronous; `done` runs on the loop. not_found when there is none; the default clone is always there, database or not.
  virtual void find(Loop& loop, std::string id_or_name, std::string user_id, std::function<void(Result<CloneRecord>)> done) = 0;
  // `changed` runs on the loop each time this clone may be another than before; find() answers it as it is then. Destroy the handle on the
  // loop; null: nobody knows of changes.
  virtual StreamPtr watch(Loop& /*loop*/, const std::string& /*id*/, std::function<void()> /*changed*/) { return nullptr; }
};

// What a user and a clone said last, by voice and in text.
struct SaidBefore {
  std::string role;  // user | assistant | system
  std::string content;
};
class ConversationHistory {
 public:
  virtual ~ConversationHistory() = default;
  // Asynchronous; `done` runs on the loop, once. Oldest first.
  virtual void recent(Loop& loop, std::string echo_id, std::string user_id, std::function<void(Result<std::vector<SaidBefore>>)> done) = 0;
};

// Conversations as they were recorded, to go on with one.
class ConversationArchive {
 public:
  virtual ~ConversationArchive() = default;
  // Asynchronous; `done` runs on the loop. Everything recorded before the call is in it. not_found: none of this user's with this id;
  // unavailable or deadline_exceeded: it could not be read now.
  virtual void load(Loop& loop, std::string session_id, std::string user_id, std::function<void(Result<ConversationRecord>)> done) = 0;
};

}  // namespace repartee::persistence
