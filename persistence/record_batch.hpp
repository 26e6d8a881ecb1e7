// Writes turns, sessions and audit lines, many rows a statement: each column travels as an array, which unnest takes apart.
// Everything is idempotent, so that a write whose outcome is in doubt may be done again: a turn's row yields only to a higher revision,
// a session's to one that was active later, an audit line keeps the id it got when it was submitted. What turns used is added to
// usage_metrics with them (record_usage.hpp).
// Thread contract: pure but for the transaction.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "core/records.hpp"
#include "persistence/database.hpp"

namespace repartee::persistence {

struct RecordedTurn {
  TurnRecord record;
  std::function<void()> on_safe;
};
struct RecordedAudit {
  std::string id;
  AuditRecord record;
};
using RecordItem = std::variant<RecordedTurn, SessionRecord, RecordedAudit>;

// `lean`: with the open-shape JSON columns left at their defaults, for a turn whose JSON PostgreSQL refuses.
void write_batch(Transaction& transaction, std::span<const RecordItem> items, bool lean = false);

// The months (as "2026-05") an audit line of the batch falls into need their partition before write_batch.
std::vector<std::string> audit_months(std::span<const RecordItem> items);

std::string turn_id(const std::string& session_id, int turn_index);
std::string message_id(const std::string& session_id, int turn_index, bool of_user);

}  // namespace repartee::persistence
