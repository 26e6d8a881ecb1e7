#include "knowledge/stored_passages.hpp"

namespace repartee::knowledge {
namespace {

persistence::KnowledgeSearch::Scope scope_of(const pipeline::KnowledgeScope& scope) {
  return {scope.user_id, scope.echo_id, scope.scope == "all"};
}

std::vector<pipeline::Passage> passages_of(std::vector<persistence::KnowledgeHit> hits) {
  std::vector<pipeline::Passage> passages;
  for (auto& hit : hits)
    passages.push_back({std::move(hit.document_id), std::move(hit.filename), std::move(hit.text), hit.ordinal, hit.score});
  return passages;
}

}  // namespace

Result<StoredPassages::Found> StoredPassages::by_words(const pipeline::KnowledgeScope& scope, const std::vector<std::string>& words,
                                                       std::size_t count) {
  if (scope.scope == "none") return Found{};
  auto found = search_.by_words(scope_of(scope), words, count);
  if (!found) return found.error();
  return Found{passages_of(std::move(found->hits)), {std::move(found->holders), found->passages}};
}

Result<std::vector<pipeline::Passage>> StoredPassages::fetch(const pipeline::KnowledgeScope& scope,
                                                             const std::vector<pipeline::VectorHit>& which) {
  if (scope.scope == "none") return std::vector<pipeline::Passage>{};
  std::vector<std::pair<std::string, int>> wanted;
  for (const auto& hit : which) wanted.emplace_back(hit.document_id, hit.ordinal);
  auto hits = search_.fetch(scope_of(scope), wanted);
  if (!hits) return hits.error();
  return passages_of(std::move(hits).value());
}

Result<std::vector<pipeline::VectorHit>> PgVectors::nearest(const pipeline::KnowledgeScope& scope, std::span<const float> question,
                                                            std::size_t count) {
  if (scope.scope == "none") return std::vector<pipeline::VectorHit>{};
  const auto near = search_.nearest(scope_of(scope), {question.begin(), question.end()}, count);
  if (!near) return near.error();
  std::vector<pipeline::VectorHit> hits;
  for (const auto& hit : *near) hits.push_back({hit.document_id, hit.ordinal, hit.score});
  return hits;
}

}  // namespace repartee::knowledge
