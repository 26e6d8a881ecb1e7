// What the server does by itself besides talking: jobs, the daily sweeps of rows and of blobs without a row, the audit log's partitions,
// export and erasure. Works as the
// database's owner, over a small pool of its own.
// Thread contract: made and destroyed on the owner's thread, after and before the store; the members from any thread, blocking.
#pragma once
#include "cache/blob_store.hpp"
#include "cache/tiered.hpp"
#include "config/settings.hpp"
#include "persistence/job_worker.hpp"
#include "persistence/privacy.hpp"
#include "persistence/retention.hpp"
#include "persistence/store.hpp"

namespace repartee::commands {

class Housekeeping {
 public:
  // `tiers` may be null: nothing is cached. All of them outlive it.
  Housekeeping(const config::Settings& settings, persistence::Store& store, cache::BlobStore& blobs, cache::TieredCache* tiers,
               Metrics& metrics);
  void start();  // from here on jobs run

  persistence::JobWorker& worker() { return worker_; }  // further kinds are added before start()
  persistence::Privacy& privacy() { return privacy_; }
  persistence::Retention& retention() { return retention_; }
  persistence::JobQueue jobs() { return persistence::JobQueue(owner_); }  // of everybody, for the server

 private:
  persistence::Privacy::Hooks privacy_hooks(persistence::Store& store, cache::TieredCache* tiers);
  void release_blobs(const std::vector<std::string>& keys);
  persistence::JobWorker::Handler blob_sweep_handler();

  cache::BlobStore& blobs_;
  persistence::Database owner_;
  persistence::Privacy privacy_;
  persistence::Retention retention_;
  persistence::JobWorker worker_;  // last: its handlers end before what they use goes
};

// Removes blobs whose rows are gone. What another row still points to stays; what cannot be removed now is left to the sweep.
void release_unreferenced(persistence::Retention& retention, cache::BlobStore& blobs, const std::vector<std::string>& keys);

}  // namespace repartee::commands
