// bench_vector: nearest passages among many, as a node's index finds them: latency, and how many of the true ten nearest are among those it
// gives. The vectors are clustered, as sentences' are: 2,000 topics, each passage its topic's direction and noise of the same length. See
// bench/README.md.
//   bench_vector [passages] [questions]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>

#include "bench/distribution.hpp"
#include "core/clock.hpp"
#include "pipeline/vector_index.hpp"
#include "pipeline/vector_math.hpp"

namespace {

using namespace repartee;
using namespace repartee::pipeline;

constexpr std::size_t dimension = 512, topics = 2000, chunks_a_document = 50, wanted = 10;

class Source {
 public:
  Source() {
    for (std::size_t t = 0; t < topics; ++t) directions_.push_back(noise());
  }
  std::vector<float> next() {
    std::vector<float> vector = noise();
    const auto& topic = directions_[random_() % topics];
    for (std::size_t i = 0; i < dimension; ++i) vector[i] += topic[i];
    normalise(vector);
    return vector;
  }

 private:
  std::vector<float> noise() {
    std::vector<float> vector(dimension);
    for (float& x : vector) x = spread_(random_);
    normalise(vector);
    return vector;
  }
  std::mt19937 random_{11};
  std::normal_distribution<float> spread_;
  std::vector<std::vector<float>> directions_;
};

double ms_since(TimePoint start) { return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count(); }

struct Run {
  bench::Distribution latency;
  std::vector<std::set<std::pair<std::string, int>>> found;
};

Run search(const VectorIndex& index, const std::vector<std::vector<float>>& questions) {
  Run run;
  for (const auto& question : questions) {
    const auto start = SteadyClock::now();
    const auto hits = index.search({.user_id = "u"}, question, wanted);
    run.latency.add(ms_since(start));
    run.found.emplace_back();
    for (const auto& hit : hits) run.found.back().emplace(hit.document_id, hit.ordinal);
  }
  return run;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t passages = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000,
                    count = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 1000;
  Source source;
  VectorIndex index({.dimension = dimension});
  for (std::size_t d = 0; d * chunks_a_document < passages; ++d) {
    VectorIndex::Document document{"u", "d" + std::to_string(d), "", "", {}};
    for (std::size_t c = 0; c < chunks_a_document; ++c) document.chunks.push_back({static_cast<int>(c), source.next()});
    if (auto put = index.put(std::move(document)); !put) return std::fprintf(stderr, "%s\n", put.error().message.c_str()), 1;
  }
  std::vector<std::vector<float>> questions;
  for (std::size_t i = 0; i < count; ++i) questions.push_back(source.next());
  Run exact = search(index, questions);  // no graph yet: every passage is looked at
  const auto start = SteadyClock::now();
  while (index.build(1000)) {}
  const double built_s = ms_since(start) / 1000;
  Run walked = search(index, questions);
  std::size_t right = 0;
  for (std::size_t i = 0; i < count; ++i)
    right += static_cast<std::size_t>(
        std::count_if(walked.found[i].begin(), walked.found[i].end(), [&](const auto& hit) { return exact.found[i].contains(hit); }));
  std::printf("%zu passages of %zu numbers, %zu questions; %.0f MB; graph built in %.1f s\n", index.rows(), dimension, count,
              static_cast<double>(index.bytes()) / 1e6, built_s);
  std::printf("every passage looked at: p50 %.2f ms  p99 %.2f ms\n", exact.latency.percentile_ms(0.5), exact.latency.percentile_ms(0.99));
  std::printf("graph:                   p50 %.2f ms  p99 %.2f ms  recall@10 %.4f\n", walked.latency.percentile_ms(0.5),
              walked.latency.percentile_ms(0.99), static_cast<double>(right) / static_cast<double>(count * wanted));
  return 0;
}
