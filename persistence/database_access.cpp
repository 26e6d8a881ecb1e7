#include "persistence/database_access.hpp"

namespace repartee::persistence {

Result<DatabaseAccess> DatabaseAccess::open(const Options& options, Metrics& metrics) {
  if (!options.url.empty()) {
    auto target = parse_target(options.url);
    if (!target) return target.error();
    return DatabaseAccess(targets_of(*target), nullptr);
  }
  auto embedded = std::make_unique<EmbeddedPostgres>(options.embedded, metrics);
  auto targets = embedded->start();
  if (targets) return DatabaseAccess(std::move(*targets), std::move(embedded));
  if (targets.error().code != Errc::conflict || !options.joins_a_running_server) return targets.error();
  auto running = EmbeddedPostgres::targets_of_running(options.embedded);
  if (!running) return running.error();
  return DatabaseAccess(std::move(*running), nullptr);
}

}  // namespace repartee::persistence
