#include "core/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <mutex>

namespace repartee {
namespace {

struct PrometheusCounter final : Counter {
  explicit PrometheusCounter(prometheus::Counter& counter) : c(counter) {}
  void add(double n) override { c.Increment(n); }
  double value() const override { return c.Value(); }
  prometheus::Counter& c;
};
struct PrometheusGauge final : Gauge {
  explicit PrometheusGauge(prometheus::Gauge& gauge) : g(gauge) {}
  void set(double value) override { g.Set(value); }
  void add(double n) override { g.Increment(n); }
  double value() const override { return g.Value(); }
  prometheus::Gauge& g;
};
struct PrometheusHistogram final : Histogram {
  explicit PrometheusHistogram(prometheus::Histogram& histogram) : h(histogram) {}
  void observe(double value) override { h.Observe(value); }
  prometheus::Histogram& h;
};

}  // namespace

struct Metrics::Impl {
  mutable std::mutex mutex;
  prometheus::Registry registry;
  std::map<std::pair<std::string, Labels>, std::unique_ptr<Counter>> counters;
  std::map<std::pair<std::string, Labels>, std::unique_ptr<Gauge>> gauges;
  std::map<std::pair<std::string, Labels>, std::unique_ptr<Histogram>> histograms;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  std::lock_guard lock(impl_->mutex);
  auto& slot = impl_->counters[{name, labels}];
  if (!slot) slot = std::make_unique<PrometheusCounter>(prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry).Add(labels));
  return *slot;
}

Gauge& Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  std::lock_guard lock(impl_->mutex);
  auto& slot = impl_->gauges[{name, labels}];
  if (!slot) slot = std::make_unique<PrometheusGauge>(prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry).Add(labels));
  return *slot;
}

Histogram& Metrics::histogram(const std::string& name, const std::string& help, const std::vector<double>& buckets, const Labels& labels) {
  std::lock_guard lock(impl_->mutex);
  auto& slot = impl_->histograms[{name, labels}];
  if (!slot) slot = std::make_unique<PrometheusHistogram>(prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry).Add(labels, buckets));
  return *slot;
}

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

const std::vector<double>& Metrics::latency_seconds() {
  static const std::vector<double> buckets{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10};
  return buckets;
}

}  // namespace repartee
