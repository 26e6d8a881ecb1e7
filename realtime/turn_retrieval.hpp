// What a turn looked up in documents: the passages its reply was given, how long that took, what it cost. Becomes columns of the row.
// Thread contract: a value; pure.
#pragma once
#include "core/records.hpp"
#include "pipeline/passage_lookup.hpp"

namespace repartee::realtime {

class TurnRetrieval {
 public:
  void used(
      const pipeline::PassagesFound& found);  // of a reply; a turn's later reply (to a tool's result) adds nothing when it found nothing
  void cost(const pipeline::LookupCosts& costs);
  const std::string& embedder() const { return costs_.embedder; }  // whose tokens cost; "openai/text-embedding-3-small"
  std::optional<TimePoint> started() const { return found_.started; }
  std::optional<TimePoint> ended() const { return found_.ended; }
  // rag_latency_ms, rag_cost, sources and the hits among cache_hits.
  void write(TurnRecord& row, double usd_per_million_tokens) const;

 private:
  pipeline::PassagesFound found_;
  pipeline::LookupCosts costs_;
};

}  // namespace repartee::realtime
