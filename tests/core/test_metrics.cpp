#include <gtest/gtest.h>

#include <thread>

#include "core/metrics.hpp"

namespace repartee {
namespace {

TEST(MetricsText, WritesAHistogramAsPrometheusReadsIt) {
  Metrics metrics;
  Histogram& seconds = metrics.histogram("wait_seconds", "How long", {0.1, 0.5, 1}, {{"stage", "asr"}});
  for (const double value : {0.05, 0.1, 0.3, 7.0}) seconds.observe(value);
  EXPECT_EQ(metrics.text(),
            "# HELP wait_seconds How long\n"
            "# TYPE wait_seconds histogram\n"
            "wait_seconds_bucket{stage=\"asr\",le=\"0.1\"} 2\n"
            "wait_seconds_bucket{stage=\"asr\",le=\"0.5\"} 3\n"
            "wait_seconds_bucket{stage=\"asr\",le=\"1\"} 3\n"
            "wait_seconds_bucket{stage=\"asr\",le=\"+Inf\"} 4\n"
            "wait_seconds_sum{stage=\"asr\"} 7.45\n"
            "wait_seconds_count{stage=\"asr\"} 4\n");
}

TEST(MetricsText, WritesAFamilyOnceAndEscapesWhatIsNotPlain) {
  Metrics metrics;
  metrics.counter("said_total", "First\nline", {{"what", "a \"b\" \\ c\nd"}}).add(1'000'000);
  metrics.counter("said_total", "Other help", {{"what", "z"}}).add(0.25);
  metrics.gauge("open", "Open").set(-2);
  EXPECT_EQ(metrics.text(),
            "# HELP said_total First\\nline\n"
            "# TYPE said_total counter\n"
            "said_total{what=\"a \\\"b\\\" \\\\ c\\nd\"} 1000000\n"
            "said_total{what=\"z\"} 0.25\n"
            "# HELP open Open\n"
            "# TYPE open gauge\n"
            "open -2\n");
}

TEST(MetricsCounts, NothingIsLostWhenManyThreadsCountAtOnce) {
  Metrics metrics;
  Counter& counter = metrics.counter("n_total", "N");
  Histogram& histogram = metrics.histogram("h", "H", {1, 2});
  constexpr int threads_count = 16, each = 20'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < threads_count; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < each; ++i) {
        counter.add();
        histogram.observe(1.5);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), threads_count * each);
  EXPECT_NE(metrics.text().find("h_bucket{le=\"2\"} 320000\n"), std::string::npos);
  EXPECT_NE(metrics.text().find("h_sum 480000\n"), std::string::npos);
}

}  // namespace
}  // namespace repartee
