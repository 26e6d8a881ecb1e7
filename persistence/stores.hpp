// The two faces of the store that a live session meets. Neither ever blocks the caller.
// Thread contract: every member from any thread.
#pragma once
#include <functional>
#include <string>

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
};

}  // namespace repartee::persistence
