#include "realtime/turn_retrieval.hpp"

#include <algorithm>
#include <cmath>

#include "pipeline/text_rules.hpp"
#include "realtime/protocol/json_object.hpp"

namespace repartee::realtime {
namespace {

constexpr std::size_t text_bytes_max = 400;  // of a passage, in the row: the document has the whole

std::string source_json(const pipeline::Passage& passage) {
  JsonObject object;
  object.text("document_id", passage.document_id).text("filename", passage.filename).integer("ordinal", passage.ordinal);
  object.text("text", std::string_view(passage.text).substr(0, pipeline::utf8_cut(passage.text, text_bytes_max)));
  return object.number("score", passage.score).finish();
}

}  // namespace

void TurnRetrieval::used(const pipeline::PassagesFound& found) {
  if (found.started && (found_.passages.empty() || !found.passages.empty())) found_ = found;
}

void TurnRetrieval::cost(const pipeline::LookupCosts& costs) {
  costs_.runs += costs.runs;
  costs_.cache_hits += costs.cache_hits;
  costs_.input_tokens += costs.input_tokens;
  if (!costs.embedder.empty()) costs_.embedder = costs.embedder;
}

void TurnRetrieval::write(TurnRecord& row, double usd_per_million_tokens) const {
  if (found_.started && found_.ended) row.rag_latency_ms = std::max<std::int64_t>(to_ms(*found_.ended - *found_.started), 0);
  row.rag_cost = {std::llround(usd_per_million_tokens * costs_.input_tokens * 100)};  // 1e-6 of a price in 1e-8
  if (!found_.passages.empty()) row.sources_json = json_array(found_.passages, source_json);
  if (costs_.runs == 0 || row.cache_hits_json.empty() || row.cache_hits_json.back() != '}') return;
  row.cache_hits_json.pop_back();
  row.cache_hits_json += (row.cache_hits_json.size() > 1 ? ",\"rag\":" : "\"rag\":") + std::to_string(costs_.cache_hits) + '}';
}

}  // namespace repartee::realtime
