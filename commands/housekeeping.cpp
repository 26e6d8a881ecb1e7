#include "commands/housekeeping.hpp"

namespace repartee::commands {
namespace {

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

Housekeeping::Housekeeping(const config::Settings& settings, persistence::Store& store, persistence::Privacy::Hooks hooks, Metrics& metrics)
    : owner_(store.targets().owner, pool_options(), metrics),
      privacy_(owner_, store.recorder(), hooks),
      retention_(owner_,
                 {.release_blobs = hooks.release_blobs,
                  .erase_user = [this](const std::string& user_id) -> Status {
                    auto erased = privacy_.erase_user(user_id);
                    return erased ? Status() : Status(erased.error());
                  }},
                 retention_options(settings.retention)),
      worker_(owner_, worker_options(settings, store.targets().owner), metrics) {
  worker_.add(persistence::erasure_job_kind, privacy_.erasure_handler());
  worker_.add_daily(persistence::retention_job_kind, retention_.sweep_handler());
  worker_.add_daily(persistence::partitions_job_kind, retention_.partitions_handler());
}

void Housekeeping::start() { worker_.start(); }

}  // namespace repartee::commands
