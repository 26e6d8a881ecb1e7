#include "commands/knowledge.hpp"

#include <filesystem>

#include "core/log.hpp"

namespace repartee::commands {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;
constexpr std::size_t row_overhead_bytes = 220;  // as vector_index.hpp says
constexpr std::size_t search_workers = 2;        // they wait for the database most of their time

pipeline::VectorIndex::Options index_options(const config::Settings& settings, const pipeline::Embedder& embedder) {
  pipeline::VectorIndex::Options options;
  options.dimension = embedder.dimension();
  options.rows_max =
      static_cast<std::size_t>(settings.knowledge.index_mb) * mebibyte / (options.dimension * sizeof(float) + row_overhead_bytes);
  return options;
}

}  // namespace

Knowledge::Knowledge(const config::Settings& settings, Engines& engines, persistence::Store& store, Caches& caches, Metrics& metrics) {
  pipeline::Embedder* embedder = engines.embedder();
  knowledge::IndexKeeper::Options keeping;
  const auto pgvector = embedder ? persistence::PgVectorSearch::is_there(store.app()) : Result<bool>(false);
  if (pgvector && *pgvector) {
    log::info("knowledge", "vectors are searched by the database's pgvector");
    vectors_ = std::make_unique<knowledge::PgVectors>(store.app(), *embedder);
  } else if (embedder) {
    index_ = std::make_unique<pipeline::VectorIndex>(index_options(settings, *embedder));
    vectors_ = std::make_unique<knowledge::IndexedVectors>(*index_);
    keeping.embedder = embedder->name();
    keeping.file = std::filesystem::path(settings.server.data_dir) / "knowledge" / "vectors";
  }
  const auto forget = [tiers = caches.tiers()](const std::string& user_id) {
    if (tiers)
      tiers->invalidate(std::string(cache::policy_of(tiers->policies(), cache::Kind::vector_search).category) + ':' + user_id + ':');
  };
  keeper_ = std::make_unique<knowledge::IndexKeeper>(store.targets().owner, index_.get(), std::move(keeping), forget, metrics);
  passages_ = std::make_unique<knowledge::StoredPassages>(store.app(), *keeper_);
  if (embedder && caches.phrases()) {
    embedder_ = std::make_unique<pipeline::CachedEmbedder>(*embedder, *caches.phrases());
    embedder = embedder_.get();
  }
  pool_ = std::make_unique<WorkerPool>(WorkerPool::Options{.name = "know", .workers = search_workers});
  search_ = std::make_unique<pipeline::HybridRetriever>(*passages_, vectors_.get(), embedder, *pool_, pipeline::HybridRetriever::Options{});
  front_ = search_.get();
  if (!caches.phrases()) return;
  cached_ = std::make_unique<pipeline::CachedRetriever>(
      *search_, *caches.phrases(), std::string(REPARTEE_VERSION) + ' ' + std::string(embedder ? embedder->name() : "words"),
      [&keeper = *keeper_](const std::string& user_id) { return keeper.version(user_id); });
  front_ = cached_.get();
}

}  // namespace repartee::commands
