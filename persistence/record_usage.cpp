#include "persistence/record_usage.hpp"

#include <algorithm>

#include "core/ids.hpp"
#include "persistence/column_arrays.hpp"

namespace repartee::persistence {
namespace {

constexpr Statement read_amounts{"usage_present", R"(
  SELECT id, asr_audio_ms, llm_input_tokens + llm_output_tokens AS llm_tokens, tts_characters
  FROM conversation_turns WHERE id = ANY ($1::uuid[]) FOR UPDATE)"};

constexpr Statement read_providers{
    "usage_providers", "SELECT id, asr_provider, llm_provider, tts_provider FROM conversation_sessions WHERE id = ANY ($1::uuid[])"};

constexpr Statement add_amounts{"usage_add_batch", R"(
  INSERT INTO usage_metrics AS m (id, user_id, month, action, subject, quantity)
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::text[], $5::text[], $6::bigint[])
  ON CONFLICT (user_id, month, action, subject) DO UPDATE SET quantity = m.quantity + excluded.quantity)"};
constexpr std::size_t usage_columns = 6;

template <class T>
Params array_of(const T& ids) {
  ColumnArrays column(1);
  for (const auto& id : ids) column.add_row(id);
  return std::move(column).to_params();
}

std::string month_of(WallTime time) {
  return to_timestamp(time == WallTime{} ? std::chrono::system_clock::now() : time).substr(0, 7) + "-01";
}

}  // namespace

RecordUsage::Amounts RecordUsage::amounts_of(const TurnRecord& turn) {
  return {1, turn.asr_audio_ms, std::int64_t{turn.llm_input_tokens} + turn.llm_output_tokens, turn.tts_characters};
}

void RecordUsage::read_present(Transaction& transaction, const std::vector<std::string>& revised_ids) {
  if (revised_ids.empty()) return;
  for (const auto& row : transaction.exec(read_amounts, array_of(revised_ids)))
    present_[row.text("id")] = {1, row.integer("asr_audio_ms"), row.integer("llm_tokens"), row.integer("tts_characters")};
}

void RecordUsage::count(const std::string& turn_id, const std::string& user_id, const TurnRecord& turn, bool is_new) {
  const auto before = present_.find(turn_id);
  if (!is_new && before == present_.end()) return;
  const auto now = amounts_of(turn), then = is_new ? Amounts{} : before->second;
  const auto more = [](std::int64_t a, std::int64_t b) { return std::max<std::int64_t>(a - b, 0); };
  auto& [user, sum] = used_[{turn.session_id, month_of(turn.started_at)}];
  user = user_id;
  sum.turns += more(now.turns, then.turns);
  sum.asr_ms += more(now.asr_ms, then.asr_ms);
  sum.llm_tokens += more(now.llm_tokens, then.llm_tokens);
  sum.tts_characters += more(now.tts_characters, then.tts_characters);
}

std::map<RecordUsage::Key, std::int64_t> RecordUsage::by_provider(Transaction& transaction) const {
  std::set<std::string> sessions;
  for (const auto& [key, ignored] : used_) sessions.insert(key.first);
  std::map<std::string, Row> providers;
  const auto rows = transaction.exec(read_providers, array_of(sessions));
  for (const auto& row : rows) providers.emplace(row.text("id"), row);
  std::map<Key, std::int64_t> totals;
  for (const auto& [key, used] : used_) {
    const auto& [session, month] = key;
    const auto& [user, sum] = used;
    const auto found = providers.find(session);
    const auto provider = [&](const char* column) { return found == providers.end() ? std::string() : found->second.text(column); };
    totals[{user, month, "turn.count", ""}] += sum.turns;
    totals[{user, month, "turn.asr_ms", provider("asr_provider")}] += sum.asr_ms;
    totals[{user, month, "turn.llm_tokens", provider("llm_provider")}] += sum.llm_tokens;
    totals[{user, month, "turn.tts_characters", provider("tts_provider")}] += sum.tts_characters;
  }
  std::erase_if(totals, [](const auto& total) { return total.second == 0; });
  return totals;
}

void RecordUsage::write(Transaction& transaction) const {
  if (used_.empty()) return;
  ColumnArrays rows(usage_columns);
  for (const auto& [key, quantity] : by_provider(transaction)) {
    const auto& [user, month, action, subject] = key;
    rows.add_row(new_uuid(), user, month, action, subject, quantity);
  }
  if (!rows.empty()) transaction.exec(add_amounts, std::move(rows).to_params());
}

}  // namespace repartee::persistence
