#include "commands/housekeeping.hpp"

#include <nlohmann/json.hpp>

#include "core/log.hpp"

namespace repartee::commands {
namespace {

constexpr const char* blob_sweep_kind = "blobs.sweep";
constexpr Duration blob_grace = std::chrono::hours(24);  // a blob is staged before its row is committed
constexpr Duration journal_patience = std::chrono::seconds(30);

constexpr std::size_t owner_connections_max = 4;  // the dispatcher's, and handlers'

persistence::Database::Options pool_options() {
  persistence::Database::Options options;
  options.name = "owner";
  options.connections_max = owner_connections_max;
  return options;
}

persistence::Retention::Options retention_options(const config::Retention& kept) {
  persistence::Retention::Options options;
  options.soft_deleted_days = kept.soft_deleted_days;
  options.conversations_days = kept.conversations_days;
  options.audit_days = kept.audit_days;
  options.expired_files_days = kept.expired_files_days;
  return options;
}

persistence::JobWorker::Options worker_options(const config::Settings& settings, const persistence::DatabaseTarget& owner) {
  const auto count = [](int workers) { return static_cast<std::size_t>(workers); };
  persistence::JobWorker::Options options;
  options.concurrency = {{"default", count(settings.jobs.default_workers)},
                         {"audio", count(settings.jobs.audio_workers)},
                         {"analysis", count(settings.jobs.analysis_workers)},
                         {"embeddings", count(settings.jobs.embeddings_workers)}};
  options.listen_at = owner;
  options.result_kept = std::chrono::hours(24) * settings.retention.results_days;
  return options;
}

}  // namespace

Housekeeping::Housekeeping(const config::Settings& settings, persistence::Store& store, cache::BlobStore& blobs, cache::TieredCache* tiers,
                           Metrics& metrics)
    : blobs_(blobs),
      owner_(store.targets().owner, pool_options(), metrics),
      privacy_(owner_, store.recorder(), privacy_hooks(store, tiers)),
      retention_(owner_,
                 {.release_blobs = [this](const std::vector<std::string>& keys) { release_blobs(keys); },
                  .erase_user = [this](const std::string& user_id) -> Status {
                    auto erased = privacy_.erase_user(user_id);
                    return erased ? Status() : Status(erased.error());
                  }},
                 retention_options(settings.retention)),
      worker_(owner_, worker_options(settings, store.targets().owner), metrics) {
  worker_.add(persistence::erasure_job_kind, privacy_.erasure_handler());
  worker_.add_daily(persistence::retention_job_kind, retention_.sweep_handler());
  worker_.add_daily(persistence::partitions_job_kind, retention_.partitions_handler());
  worker_.add_daily(blob_sweep_kind, blob_sweep_handler());
}

persistence::Privacy::Hooks Housekeeping::privacy_hooks(persistence::Store& store, cache::TieredCache* tiers) {
  persistence::Privacy::Hooks hooks;
  hooks.read_blob = [this](const std::string& key, const persistence::ByteSink& sink) -> Status {
    const auto bytes = blobs_.read(key);
    return bytes ? sink(*bytes) : bytes.error();
  };
  hooks.release_blobs = [this](const std::vector<std::string>& keys) { release_blobs(keys); };
  // What is on its way arrives before it is erased; the journal itself deletes what the database has.
  hooks.forget_journal = [&store](const std::string&) -> Status {
    if (store.recorder().wait_until_idle(journal_patience)) return {};
    return Error{Errc::unavailable, "turns are still on their way to the database"};
  };
  if (tiers) hooks.forget_caches = [tiers](const std::string& user_id) { tiers->forget_owner(user_id); };
  return hooks;
}

void Housekeeping::release_blobs(const std::vector<std::string>& keys) { release_unreferenced(retention_, blobs_, keys); }

persistence::JobWorker::Handler Housekeeping::blob_sweep_handler() {
  return [this](persistence::JobContext&) -> Result<std::string> {
    const auto swept = blobs_.sweep([this](std::span<const std::string> keys) { return retention_.referenced_blobs(keys); }, blob_grace);
    if (!swept) return swept.error();
    return nlohmann::json{{"kept", swept->kept}, {"removed", swept->removed}, {"published", swept->published}}.dump();
  };
}

void release_unreferenced(persistence::Retention& retention, cache::BlobStore& blobs, const std::vector<std::string>& keys) {
  const auto referenced = retention.referenced_blobs(keys);
  if (!referenced) return;
  for (const auto& key : keys)
    if (!referenced->contains(key))
      if (auto removed = blobs.remove(key); !removed)
        log::warn("housekeeping", "a blob stays for now", {{"error", removed.error().message}});
}

void Housekeeping::start() { worker_.start(); }

}  // namespace repartee::commands
