// The database for a command: the one the URL names; or the embedded cluster, which is started for it and stopped again, unless a server
// runs it at the moment: then the command joins as one more client.
// Thread contract: the owner's thread.
#pragma once
#include <memory>
#include <string>

#include "persistence/embedded_postgres.hpp"

namespace repartee::persistence {

class DatabaseAccess {
 public:
  struct Options {
    std::string url;  // empty: the embedded cluster
    EmbeddedPostgres::Options embedded;
    bool joins_a_running_server = true;  // false: conflict then
  };
  static Result<DatabaseAccess> open(const Options& options, Metrics& metrics);
  const DatabaseTargets& targets() const { return targets_; }
  bool may_be_served() const { return !embedded_; }  // a server works with it at the moment, or may: the embedded cluster is not ours alone

 private:
  DatabaseAccess(DatabaseTargets targets, std::unique_ptr<EmbeddedPostgres> embedded)
      : embedded_(std::move(embedded)), targets_(std::move(targets)) {}

  std::unique_ptr<EmbeddedPostgres> embedded_;  // null: somebody else's
  DatabaseTargets targets_;
};

}  // namespace repartee::persistence
