#include "persistence/knowledge_search.hpp"

#include <algorithm>
#include <cmath>

#include "core/ids.hpp"
#include "persistence/repositories/array_text.hpp"

namespace repartee::persistence {
namespace {

constexpr double nearness_weight = 0.1;  // of ts_rank_cd beside the rarities

// What the scope admits: $1 the clone (null: all), $2 with common ones.
#define REPARTEE_VISIBLE                                                                                                                 \
  "WITH visible AS (SELECT id, filename, chunk_count, vector_ids FROM knowledge_documents WHERE user_id = app_user_id() AND deleted_at " \
  "IS NULL"                                                                                                                              \
  " AND status = 'completed' AND ($1::uuid IS NULL OR echo_id = $1 OR ($2::boolean AND echo_id IS NULL)))"

constexpr Statement count_words{
    "knowledge_count_words", REPARTEE_VISIBLE
    " SELECT word, (SELECT count(*) FROM knowledge_chunks AS c WHERE c.user_id = app_user_id() AND c.tsv @@ plainto_tsquery('english', "
    "word)"
    " AND c.document_id IN (SELECT id FROM visible)) AS holders, (SELECT coalesce(sum(chunk_count), 0) FROM visible) AS passages"
    " FROM unnest($3::text[]) AS word"};

constexpr Statement find_words{
    "knowledge_find_words", REPARTEE_VISIBLE
    ", terms AS MATERIALIZED (SELECT plainto_tsquery('english', word) AS term, weight FROM unnest($3::text[], $4::real[]) AS t(word, "
    "weight))"
    " SELECT c.document_id, v.filename, c.ordinal, c.text,"
    " coalesce((SELECT sum(t.weight) FROM terms AS t WHERE c.tsv @@ t.term), 0) + $5::real * ts_rank_cd(c.tsv, q) AS score"
    " FROM websearch_to_tsquery('english', $6) AS q, knowledge_chunks AS c JOIN visible AS v ON v.id = c.document_id"
    " WHERE c.user_id = app_user_id() AND c.tsv @@ q ORDER BY score DESC, c.document_id, c.ordinal LIMIT $7"};

constexpr Statement fetch_passages{
    "knowledge_fetch_passages", REPARTEE_VISIBLE
    " SELECT c.document_id, v.filename, c.ordinal, c.text, 0 AS score FROM unnest($3::uuid[], $4::integer[]) AS wanted(document_id, "
    "ordinal)"
    " JOIN knowledge_chunks AS c USING (document_id, ordinal) JOIN visible AS v ON v.id = c.document_id WHERE c.user_id = app_user_id()"};

std::vector<KnowledgeHit> hits_of(const Rows& rows) {
  std::vector<KnowledgeHit> hits;
  for (const Row row : rows)
    hits.push_back({row.text("document_id"), row.text("filename"), row.text("text"), static_cast<int>(row.integer("ordinal")),
                    row.maybe_real("score").value_or(0)});
  return hits;
}

std::optional<std::string> clone_of(const KnowledgeSearch::Scope& scope) {
  return scope.echo_id.empty() ? std::nullopt : std::optional(scope.echo_id);
}

bool is_valid(const KnowledgeSearch::Scope& scope) { return is_uuid(scope.user_id) && (scope.echo_id.empty() || is_uuid(scope.echo_id)); }

// BM25's weight of a word (Robertson and Zaragoza, 2009).
float rarity(std::size_t holders, std::size_t passages) {
  const auto h = static_cast<double>(holders), n = static_cast<double>(std::max(passages, holders));
  return static_cast<float>(std::log(1 + (n - h + 0.5) / (h + 0.5)));
}

}  // namespace

Result<KnowledgeSearch::Found> KnowledgeSearch::by_words(const Scope& scope, const std::vector<std::string>& words, std::size_t count) {
  if (words.empty() || !is_valid(scope)) return Found{};
  return app_.run(
      [&](Transaction& t) {
        Found found;
        for (const Row row : t.exec(count_words, Params(clone_of(scope), scope.with_common, array_text(words)))) {
          found.holders[row.text("word")] = static_cast<std::size_t>(row.integer("holders"));
          found.passages = static_cast<std::size_t>(row.integer("passages"));
        }
        std::vector<float> weights;
        std::string any;
        for (const auto& word : words) {
          weights.push_back(rarity(found.holders[word], found.passages));
          any += (any.empty() ? "" : " or ") + word;
        }
        found.hits = hits_of(t.exec(
            find_words, Params(clone_of(scope), scope.with_common, array_text(words), array_text(weights), nearness_weight, any, count)));
        return found;
      },
      {.user_id = scope.user_id});
}

Result<std::vector<KnowledgeHit>> KnowledgeSearch::fetch(const Scope& scope, const std::vector<std::pair<std::string, int>>& which) {
  if (which.empty() || !is_valid(scope)) return std::vector<KnowledgeHit>{};
  std::vector<std::string> documents, ordinals;
  for (const auto& [document, ordinal] : which) {
    documents.push_back(document);
    ordinals.push_back(std::to_string(ordinal));
  }
  return app_.run(
      [&](Transaction& t) {
        return hits_of(t.exec(fetch_passages, Params(clone_of(scope), scope.with_common, array_text(documents), array_text(ordinals))));
      },
      {.user_id = scope.user_id});
}

// ---- pgvector ----

namespace {

constexpr Statement find_extension{"knowledge_find_pgvector", "SELECT 1 FROM pg_extension WHERE extname = 'vector'"};

std::string nearest_sql(const std::string& type) {
  const std::string distance = "CAST(c.embedding AS " + type + ") <=> CAST($3::real[] AS " + type + ")";
  return REPARTEE_VISIBLE " SELECT c.document_id, v.filename, c.ordinal, '' AS text, 1 - (" + distance +
         ") AS score FROM knowledge_chunks AS c JOIN visible AS v ON v.id = c.document_id"
         " WHERE c.user_id = app_user_id() AND c.embedding IS NOT NULL AND v.vector_ids[1] = $4 ORDER BY " +
         distance + " LIMIT $5";
}

}  // namespace

#undef REPARTEE_VISIBLE

PgVectorSearch::PgVectorSearch(Database& app, std::string type, std::string embedder)
    : app_(app), embedder_(std::move(embedder)), sql_(nearest_sql(type)) {}

Result<bool> PgVectorSearch::is_there(Database& database) {
  return database.run([](Transaction& t) { return !t.exec(find_extension).empty(); });
}

Result<std::vector<KnowledgeHit>> PgVectorSearch::nearest(const KnowledgeSearchScope& scope, const std::vector<float>& question,
                                                          std::size_t count) {
  if (!is_valid(scope)) return std::vector<KnowledgeHit>{};
  return app_.run(
      [&](Transaction& t) {
        return hits_of(t.exec({"knowledge_nearest", sql_.c_str()},
                              Params(clone_of(scope), scope.with_common, array_text(question), embedder_, count)));
      },
      {.user_id = scope.user_id});
}

}  // namespace repartee::persistence
