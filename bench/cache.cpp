// What the cache costs, by tier, at 1, 16 and 64 callers: bench_cache [--benchmark_filter=...]
// L1 and the way through the front, 1 KiB values; L2 on an embedded cluster made for it, 1 KiB values, each caller waiting for its answer;
// packing and unpacking a clause of speech; a clause that was said before, from the provider's call to its end.
// p50_us and p99_us are of single calls.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <future>

#include "cache/l2.hpp"
#include "cache/phrases.hpp"
#include "core/ids.hpp"
#include "persistence/embedded_postgres.hpp"
#include "persistence/migrate.hpp"
#include "pipeline/encoded_phrase.hpp"
#include "pipeline/phrase_bytes.hpp"

namespace repartee::cache {
namespace {

constexpr std::size_t keys_count = 4096, value_bytes = 1024;

Bytes value() { return std::make_shared<const std::string>(value_bytes, 'v'); }

const std::vector<std::string>& keys() {
  static const auto all = [] {
    const auto policies = default_policies();
    std::vector<std::string> made;
    for (std::size_t i = 0; i < keys_count; ++i)
      made.push_back(make_key(policy_of(policies, Kind::llm_response), "", "bench", digest_of(std::to_string(i))));
    return made;
  }();
  return all;
}
const std::string& key_of(std::size_t i) { return keys()[i * 2654435761u % keys_count]; }

// Latencies of every call, merged from all threads.
class Latencies {
 public:
  void add(Duration d) { own_.push_back(std::chrono::duration<double, std::micro>(d).count()); }
  void report(benchmark::State& state) {
    if (own_.empty()) return;
    std::sort(own_.begin(), own_.end());
    const auto at = [&](double share) {
      return own_[std::min(own_.size() - 1, static_cast<std::size_t>(share * static_cast<double>(own_.size())))];
    };
    state.counters["p50_us"] = benchmark::Counter(at(0.5), benchmark::Counter::kAvgThreads);
    state.counters["p99_us"] = benchmark::Counter(at(0.99), benchmark::Counter::kAvgThreads);
  }

 private:
  std::vector<double> own_;
};

Metrics& metrics() {
  static Metrics all;
  return all;
}

// ---- memory ----

L1& filled_l1() {
  static L1 l1({}, metrics());
  static const bool filled = [] {
    for (const auto& key : keys()) l1.put(key, value(), SteadyClock::now(), std::chrono::hours(1));
    return true;
  }();
  benchmark::DoNotOptimize(filled);
  return l1;
}

void l1_get(benchmark::State& state) {
  L1& l1 = filled_l1();
  const auto now = SteadyClock::now();
  std::size_t i = static_cast<std::size_t>(state.thread_index()) * 1000;
  for (auto _ : state) benchmark::DoNotOptimize(l1.get(key_of(i++), now, 3));
}
BENCHMARK(l1_get)->Threads(1)->Threads(16)->Threads(64)->UseRealTime();

void l1_put(benchmark::State& state) {
  L1& l1 = filled_l1();
  const auto now = SteadyClock::now();
  const auto bytes = value();
  std::size_t i = static_cast<std::size_t>(state.thread_index()) * 1000;
  for (auto _ : state) benchmark::DoNotOptimize(l1.put(key_of(i++), bytes, now, std::chrono::hours(1)));
}
BENCHMARK(l1_put)->Threads(1)->Threads(16)->Threads(64)->UseRealTime();

// ---- the tables ----

struct Cluster {
  static Cluster& get() {
    static Cluster cluster;
    return cluster;
  }
  Cluster() {
    options.home.data_dir = dir;
    postgres = std::make_unique<persistence::EmbeddedPostgres>(options, metrics());
    auto targets = postgres->start();
    if (!targets) throw std::runtime_error(targets.error().message);
    if (auto migrated = persistence::Migrator(targets->owner).up(); !migrated) throw std::runtime_error(migrated.error().message);
    const L2::Options second{.sweep_interval = Duration::zero()};
    database = std::make_unique<persistence::Database>(targets->app, cache_database_options(second), metrics());
    l2 = std::make_unique<L2>(*database, default_policies(), second, metrics());
    for (const auto& key : keys()) {
      l2->put(Kind::llm_response, key, value(), std::chrono::hours(1));
      if (&key - keys().data() > 2048) break;  // half of them: the rest are misses
    }
    l2->wait_until_written(std::chrono::minutes(1));
  }
  void stop() {
    l2.reset();
    database.reset();
    postgres.reset();
    std::error_code ignored;
    std::filesystem::remove_all(dir, ignored);
  }

  const std::filesystem::path dir = "/tmp/repartee-bench-" + new_uuid();
  persistence::EmbeddedPostgres::Options options;
  std::unique_ptr<persistence::EmbeddedPostgres> postgres;
  std::unique_ptr<persistence::Database> database;
  std::unique_ptr<L2> l2;
};
bool cluster_made = false;

void l2_get(benchmark::State& state) {
  L2& l2 = *Cluster::get().l2;
  cluster_made = true;
  Latencies latencies;
  std::size_t i = static_cast<std::size_t>(state.thread_index()) * 1000;
  for (auto _ : state) {
    std::promise<bool> found;
    const auto started = SteadyClock::now();
    l2.get(Kind::llm_response, key_of(i++), [&](auto result) { found.set_value(result && *result); });
    benchmark::DoNotOptimize(found.get_future().get());
    latencies.add(SteadyClock::now() - started);
  }
  latencies.report(state);
}
BENCHMARK(l2_get)->Threads(1)->Threads(16)->Threads(64)->UseRealTime()->MinTime(1.5)->Unit(benchmark::kMicrosecond);

// A voice path does not wait for a put; this does, to see what one costs.
void l2_put(benchmark::State& state) {
  L2& l2 = *Cluster::get().l2;
  cluster_made = true;
  const auto bytes = value();
  std::size_t i = static_cast<std::size_t>(state.thread_index()) * 1000;
  for (auto _ : state) {
    l2.put(Kind::llm_response, key_of(i++), bytes, std::chrono::hours(1));
    l2.wait_until_written(std::chrono::seconds(10));
  }
}
BENCHMARK(l2_put)->Threads(1)->Threads(16)->Threads(64)->UseRealTime()->MinTime(1.5)->Unit(benchmark::kMicrosecond);

// ---- speech ----

// Three seconds at 24 kHz that pack about as well as speech: a few partials under a slow envelope, and some noise.
std::string clause() {
  pipeline::Phrase phrase{.rate_hz = 24000, .samples = Samples(72000), .words = {}};
  unsigned noise = 1;
  for (std::size_t i = 0; i < phrase.samples.size(); ++i) {
    const double t = static_cast<double>(i) / 24000, envelope = 0.5 + 0.5 * std::sin(t * 20);
    noise = noise * 1664525u + 1013904223u;
    double sum = static_cast<double>(noise >> 16) / 65536 * 60;
    for (int partial = 1; partial < 12; ++partial) sum += 2500.0 / partial * std::sin(2 * 3.14159265 * 120 * partial * t);
    phrase.samples[i] = static_cast<std::int16_t>(sum * envelope);
  }
  return pipeline::phrase_to_bytes(phrase);
}

void pack_3s_clause(benchmark::State& state) {
  const auto bytes = clause();
  std::size_t packed = 0;
  for (auto _ : state) packed = pipeline::pack_phrase(bytes)->size();
  state.counters["share"] = static_cast<double>(packed) / static_cast<double>(bytes.size());
}
BENCHMARK(pack_3s_clause)->Unit(benchmark::kMicrosecond);

void unpack_3s_clause(benchmark::State& state) {
  const auto packed = *pipeline::pack_phrase(clause());
  for (auto _ : state) benchmark::DoNotOptimize(pipeline::unpack_phrase(packed));
}
BENCHMARK(unpack_3s_clause)->Unit(benchmark::kMicrosecond);

pipeline::PhraseKey clause_key() {
  return {pipeline::PhraseKind::audio, "", "kokoro/af_heart", "Hello, nice to hear from you again. How can I help you?"};
}

// All that a clause said before costs its loop: key, look-up, samples and words.
void recall_3s_clause(benchmark::State& state) {
  TieredCache tiers({.flush_interval = Duration::zero()}, nullptr, metrics());
  Phrases phrases(tiers);
  const auto key = clause_key();
  const auto now = SteadyClock::now();
  phrases.put(key, clause(), now);
  for (auto _ : state) benchmark::DoNotOptimize(pipeline::phrase_from_bytes(*phrases.find_now(key, now)));
}
BENCHMARK(recall_3s_clause)->Unit(benchmark::kMicrosecond);

// Finding its Opus packets: its bytes are hashed, the key made, the packets' lengths checked.
void find_packets_of_3s_clause(benchmark::State& state) {
  TieredCache tiers({.flush_interval = Duration::zero()}, nullptr, metrics());
  Phrases phrases(tiers);
  pipeline::EncodedPhraseMetrics counted(metrics());
  const pipeline::PhraseEncodings encodings(phrases, clause_key(), std::make_shared<const std::string>(clause()), counted);
  pipeline::PhraseRecording recording;
  constexpr std::size_t frames = 150;
  for (std::size_t i = 0; i < frames; ++i) recording.add(std::vector<std::uint8_t>(60), 5);
  const auto now = SteadyClock::now();
  encodings.keep({}, recording, now);
  for (auto _ : state)
    if (!encodings.find({}, frames, 5, now)) state.SkipWithError("not found");
}
BENCHMARK(find_packets_of_3s_clause)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace repartee::cache

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  if (repartee::cache::cluster_made) repartee::cache::Cluster::get().stop();
  return 0;
}
