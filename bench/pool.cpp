// bench_pool: short transactions of many sessions through one pool, from more threads than it has connections, on a private cluster that is
// made for it. What they wait for a connection, and how long they take in all. See bench/README.md.
#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <thread>

#include "bench/distribution.hpp"
#include "core/ids.hpp"
#include "core/log.hpp"
#include "persistence/embedded_postgres.hpp"
#include "persistence/migrate.hpp"
#include "persistence/user_repository.hpp"

namespace {

using namespace repartee;
using namespace repartee::persistence;

struct Options {
  int sessions = 1000, transactions = 50, threads = 64;
  std::vector<std::size_t> connections{4, 8, 16, 32};
};

constexpr Statement read_user{"bench_read", "SELECT first_name, settings FROM users WHERE id = $1"};
constexpr Statement touch_user{"bench_touch", "UPDATE users SET last_login_at = now() WHERE id = $1"};

struct Figures {
  bench::Distribution wait, whole;
  std::atomic<int> failed{0};
  std::mutex mutex;
};

double ms_since(TimePoint start) { return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count(); }

// One transaction as a request makes it: as a user, two statements. Every tenth writes.
void one(Database& pool, const std::string& user_id, int number, Figures& figures) {
  const auto start = SteadyClock::now();
  double waited = 0;
  const auto done = pool.run(
      [&](Transaction& t) {
        waited = ms_since(start);
        t.exec(read_user, Params(user_id));
        t.exec(number % 10 == 0 ? touch_user : read_user, Params(user_id));
      },
      {.user_id = user_id});
  const double whole = ms_since(start);
  if (!done) ++figures.failed;
  std::lock_guard lock(figures.mutex);
  figures.wait.add(waited);
  figures.whole.add(whole);
}

void run_with(const Options& o, std::size_t connections, const DatabaseTarget& app, const std::vector<std::string>& users,
              Metrics& metrics) {
  Database pool(app, {.name = "bench" + std::to_string(connections), .connections_max = connections}, metrics);
  Figures figures;
  std::atomic<int> next{0};
  const int all = o.sessions * o.transactions;
  const auto start = SteadyClock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < o.threads; ++i)
    threads.emplace_back([&] {
      for (int n = next++; n < all; n = next++) one(pool, users[static_cast<std::size_t>(n % o.sessions)], n, figures);
    });
  for (auto& thread : threads) thread.join();
  const double seconds = ms_since(start) / 1000;
  std::printf(
      "connections %3zu  transactions/s %6.0f  until in it ms p50 %.1f p95 %.1f p99 %.1f max %.1f  whole ms p50 %.1f p99 %.1f  failed %d\n",
      connections, all / seconds, figures.wait.percentile_ms(0.5), figures.wait.percentile_ms(0.95), figures.wait.percentile_ms(0.99),
      figures.wait.max_ms(), figures.whole.percentile_ms(0.5), figures.whole.percentile_ms(0.99), figures.failed.load());
  std::fflush(stdout);
}

Status run(const Options& o, const std::filesystem::path& directory) {
  Metrics metrics;
  EmbeddedPostgres::Options cluster;
  cluster.home.data_dir = directory;
  EmbeddedPostgres postgres(cluster, metrics);
  auto targets = postgres.start();
  if (!targets) return targets.error();
  if (auto migrated = Migrator(targets->owner).up(); !migrated) return migrated.error();
  std::vector<std::string> users;
  {
    Database app(targets->app, {}, metrics);
    for (int i = 0; i < o.sessions; ++i) {
      users.push_back(new_uuid());
      if (auto made = UserRepository(app).ensure(users.back(), "bench:" + users.back()); !made) return made;
    }
  }
  for (const auto connections : o.connections) run_with(o, connections, targets->app, users, metrics);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Short transactions of many sessions through one pool");
  Options options;
  app.add_option("--sessions", options.sessions, "Sessions, each as a user of its own")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--transactions", options.transactions, "Of each")->check(CLI::Range(1, 100'000))->capture_default_str();
  app.add_option("--threads", options.threads, "That run them")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--connections", options.connections, "Sizes of the pool, one round each")
      ->check(CLI::Range(1, 45))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  log::configure({.level = log::Level::warn});
  std::string directory = (std::filesystem::temp_directory_path() / "repartee-bench-pool-XXXXXX").string();
  if (!mkdtemp(directory.data())) return 1;
  std::filesystem::permissions(directory, std::filesystem::perms(0755));  // the cluster's user must get through
  const auto done = run(options, directory);
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  if (!done) std::fprintf(stderr, "bench_pool: %s\n", done.error().message.c_str());
  return done ? 0 : 1;
}
