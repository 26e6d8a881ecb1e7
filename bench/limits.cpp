// Rate-limit decisions a second, by what they are made from, through the store's own limiter. It starts a private database in a
// temporary directory. Callers are threads with a subject each; "database" has leases switched off, so that every decision is a statement.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "core/log.hpp"
#include "persistence/embedded_postgres.hpp"
#include "persistence/migrate.hpp"
#include "persistence/rate_limiter.hpp"

namespace {

using namespace repartee;
using namespace repartee::persistence;

constexpr int callers_counts[] = {1, 4, 16};
constexpr Duration run_for = std::chrono::seconds(2);
constexpr int plenty_per_minute = 1'000'000'000;  // nobody is refused: a refusal would be answered from memory

RateLimiter::Options options_of(bool leases) {
  RateLimiter::Options options;
  options.per_minute = {{RateLimiter::general, plenty_per_minute}};
  options.lease_divisor = leases ? 20 : plenty_per_minute + 1;
  return options;
}

double decisions_per_second(RateLimiter& limiter, int callers) {
  std::atomic<bool> stop{false};
  std::atomic<long> decided{0};
  std::vector<std::thread> threads;
  const auto started = SteadyClock::now();
  for (int i = 0; i < callers; ++i)
    threads.emplace_back([&, subject = "addr:" + std::to_string(i)] {
      long mine = 0;
      while (!stop) {
        if (!limiter.decide_now(subject, RateLimiter::general).allowed) std::abort();
        ++mine;
      }
      decided += mine;
    });
  std::this_thread::sleep_for(run_for);
  stop = true;
  for (auto& thread : threads) thread.join();
  return static_cast<double>(decided) / std::chrono::duration<double>(SteadyClock::now() - started).count();
}

int fail(const std::string& message) {
  std::fprintf(stderr, "bench_limits: %s\n", message.c_str());
  return 1;
}

int bench(const std::filesystem::path& dir) {
  Metrics metrics;
  EmbeddedPostgres::Options where;
  where.home.data_dir = dir;
  EmbeddedPostgres postgres(where, metrics);
  const auto targets = postgres.start();
  if (!targets) return fail(targets.error().message);
  if (auto migrated = Migrator(targets->owner).up(); !migrated) return fail(migrated.error().message);
  Database::Options pool;
  pool.connections_max = 16;
  Database app(targets->app, pool, metrics);
  Database away({.conninfo = "host=/tmp/repartee-nobody-listens-here dbname=x", .set_role = ""}, {}, metrics);
  std::printf("%-10s %8s %14s\n", "from", "callers", "decisions/s");
  for (const int callers : callers_counts) {
    RateLimiter exact(app, options_of(false), metrics), leasing(app, options_of(true), metrics), alone(away, options_of(false), metrics);
    std::printf("%-10s %8d %14.0f\n", "database", callers, decisions_per_second(exact, callers));
    std::printf("%-10s %8d %14.0f\n", "lease", callers, decisions_per_second(leasing, callers));
    std::printf("%-10s %8d %14.0f\n", "node", callers, decisions_per_second(alone, callers));
  }
  return 0;
}

}  // namespace

int main() {
  log::configure({.level = log::Level::error});
  char name[] = "/tmp/repartee-bench-XXXXXX";
  if (!mkdtemp(name)) return fail("no temporary directory");
  std::filesystem::permissions(name, std::filesystem::perms(0755));  // the cluster's system user must get through
  const int status = bench(name);
  std::filesystem::remove_all(name);
  return status;
}
