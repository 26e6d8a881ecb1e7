// What a batch's turns used, added to usage_metrics in the batch's own transaction: turn.count, and by provider (the subject)
// turn.asr_ms, turn.llm_tokens (read and written) and turn.tts_characters; the month is the one the turn began in, UTC.
// Exactly once a turn: it counts when its row is made. A revision adds what it names beyond the row it replaces, and takes nothing back:
// what was used was used. A batch that is written again, because its outcome was in doubt, finds its rows there and adds nothing.
// Thread contract: one batch's, on its thread. Errors: DatabaseError.
#pragma once
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/records.hpp"
#include "persistence/database.hpp"

namespace repartee::persistence {

class RecordUsage {
 public:
  // Before the turns are written: what the rows that `revised` will replace have counted. Locks them.
  void read_present(Transaction& transaction, const std::vector<std::string>& revised_ids);
  // After: a turn whose row was made or replaced.
  void count(const std::string& turn_id, const std::string& user_id, const TurnRecord& turn, bool is_new);
  // Last in the transaction, in the order of its keys: batches that write side by side wait for each other here, and only briefly.
  void write(Transaction& transaction) const;

 private:
  struct Amounts {
    std::int64_t turns = 0, asr_ms = 0, llm_tokens = 0, tts_characters = 0;
  };
  using Key = std::tuple<std::string, std::string, std::string, std::string>;  // user, month, action, subject
  static Amounts amounts_of(const TurnRecord& turn);
  std::map<Key, std::int64_t> by_provider(Transaction& transaction) const;

  std::map<std::string, Amounts> present_;  // by turn
  // By session and month: a session's providers stand in its row.
  std::map<std::pair<std::string, std::string>, std::pair<std::string, Amounts>> used_;  // ... the user, and what
};

}  // namespace repartee::persistence
