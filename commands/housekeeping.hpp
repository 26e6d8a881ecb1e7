// What the server does by itself besides talking: jobs, the daily sweep, the audit log's partitions, export and erasure. Works as the
// database's owner, over a small pool of its own.
// Thread contract: made and destroyed on the owner's thread, after and before the store; the members from any thread, blocking.
#pragma once
#include "config/settings.hpp"
#include "persistence/job_worker.hpp"
#include "persistence/privacy.hpp"
#include "persistence/retention.hpp"
#include "persistence/store.hpp"

namespace repartee::commands {

class Housekeeping {
 public:
  // `hooks`: blobs, journal, caches and live sessions, as far as there are any.
  Housekeeping(const config::Settings& settings, persistence::Store& store, persistence::Privacy::Hooks hooks, Metrics& metrics);
  void start();  // from here on jobs run

  persistence::JobWorker& worker() { return worker_; }  // further kinds are added before start()
  persistence::Privacy& privacy() { return privacy_; }
  persistence::Retention& retention() { return retention_; }
  persistence::JobQueue jobs() { return persistence::JobQueue(owner_); }  // of everybody, for the server

 private:
  persistence::Database owner_;
  persistence::Privacy privacy_;
  persistence::Retention retention_;
  persistence::JobWorker worker_;  // last: its handlers end before what they use goes
};

}  // namespace repartee::commands
