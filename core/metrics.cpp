// Prometheus text exposition format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
#include "core/metrics.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <mutex>

namespace repartee {
namespace {

// Threads add to places of their own, so that loops do not pull one cache line back and forth at every frame.
constexpr std::size_t shards = 8;
constexpr std::size_t cache_line_bytes = 64;
struct alignas(cache_line_bytes) Shard {
  std::atomic<double> sum{0};
};

std::size_t own_shard() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % shards;
  return mine;
}

class ShardedCounter final : public Counter {
 public:
  void add(double n) override { shards_[own_shard()].sum.fetch_add(n, std::memory_order_relaxed); }
  double value() const override {
    double sum = 0;
    for (const Shard& shard : shards_) sum += shard.sum.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  std::array<Shard, shards> shards_;
};

class AtomicGauge final : public Gauge {
 public:
  void set(double value) override { value_.store(value, std::memory_order_relaxed); }
  void add(double n) override { value_.fetch_add(n, std::memory_order_relaxed); }
  double value() const override { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class AtomicHistogram final : public Histogram {
 public:
  explicit AtomicHistogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}
  void observe(double value) override {
    const auto bucket = static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }
  const std::vector<double>& bounds() const { return bounds_; }
  std::uint64_t count(std::size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;                // ascending, inclusive
  std::vector<std::atomic<std::uint64_t>> counts_;  // one more than bounds: beyond the last
  std::atomic<double> sum_{0};
};

void append_number(std::string& out, double value) {
  if (std::isnan(value)) return void(out += "NaN");
  if (std::isinf(value)) return void(out += value > 0 ? "+Inf" : "-Inf");
  constexpr double whole_max = 9e15;  // below it every whole number is a double
  std::array<char, 32> text;
  const bool is_whole = std::abs(value) < whole_max && value == std::trunc(value);
  const auto [end, error] = is_whole ? std::to_chars(text.data(), text.data() + text.size(), static_cast<std::int64_t>(value))
                                     : std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), error == std::errc() ? end : text.data());
}

void append_escaped(std::string& out, const std::string& text, bool is_label) {
  for (const char c : text) {
    if (c == '\\') out += "\\\\";
    else if (c == '\n') out += "\\n";
    else if (c == '"' && is_label) out += "\\\"";
    else out += c;
  }
}

// name="value",... of a sample; without braces.
std::string label_text(const Metrics::Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!out.empty()) out += ',';
    out += name + "=\"";
    append_escaped(out, value, true);
    out += '"';
  }
  return out;
}

void append_sample(std::string& out, const std::string& name, const char* suffix, const std::string& labels, double value) {
  out += name;
  out += suffix;
  if (!labels.empty()) {
    out += '{';
    out += labels;
    out += '}';
  }
  out += ' ';
  append_number(out, value);
  out += '\n';
}

void append(std::string& out, const std::string& name, const std::string& labels, const ShardedCounter& counter) {
  append_sample(out, name, "", labels, counter.value());
}
void append(std::string& out, const std::string& name, const std::string& labels, const AtomicGauge& gauge) {
  append_sample(out, name, "", labels, gauge.value());
}
void append(std::string& out, const std::string& name, const std::string& labels, const AtomicHistogram& histogram) {
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i <= histogram.bounds().size(); ++i) {
    so_far += histogram.count(i);
    std::string bucket = labels + (labels.empty() ? "le=\"" : ",le=\"");
    append_number(bucket, i < histogram.bounds().size() ? histogram.bounds()[i] : INFINITY);
    append_sample(out, name, "_bucket", bucket + '"', static_cast<double>(so_far));
  }
  append_sample(out, name, "_sum", labels, histogram.sum());
  append_sample(out, name, "_count", labels, static_cast<double>(so_far));
}

// All instruments of one kind: by name, then by labels as they are written.
template <class Instrument>
class Families {
 public:
  template <class Make>
  Instrument& get(const std::string& name, const std::string& help, const Metrics::Labels& labels, Make make) {
    Family& family = families_[name];
    if (family.help.empty()) family.help = help;
    auto& slot = family.instruments[label_text(labels)];
    if (!slot) slot = make();
    return *slot;
  }
  void append_to(std::string& out, const char* type) const {
    for (const auto& [name, family] : families_) {
      out += "# HELP " + name + ' ';
      append_escaped(out, family.help, false);
      out += "\n# TYPE " + name + ' ' + type + '\n';
      for (const auto& [labels, instrument] : family.instruments) append(out, name, labels, *instrument);
    }
  }

 private:
  struct Family {
    std::string help;
    std::map<std::string, std::unique_ptr<Instrument>> instruments;
  };
  std::map<std::string, Family> families_;
};

}  // namespace

struct Metrics::Impl {
  mutable std::mutex mutex;  // of making and writing; never taken to count
  Families<ShardedCounter> counters;
  Families<AtomicGauge> gauges;
  Families<AtomicHistogram> histograms;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  std::lock_guard lock(impl_->mutex);
  return impl_->counters.get(name, help, labels, [] { return std::make_unique<ShardedCounter>(); });
}

Gauge& Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  std::lock_guard lock(impl_->mutex);
  return impl_->gauges.get(name, help, labels, [] { return std::make_unique<AtomicGauge>(); });
}

Histogram& Metrics::histogram(const std::string& name, const std::string& help, const std::vector<double>& buckets, const Labels& labels) {
  std::lock_guard lock(impl_->mutex);
  return impl_->histograms.get(name, help, labels, [&] { return std::make_unique<AtomicHistogram>(buckets); });
}

std::string Metrics::text() const {
  std::string out;
  std::lock_guard lock(impl_->mutex);
  impl_->counters.append_to(out, "counter");
  impl_->gauges.append_to(out, "gauge");
  impl_->histograms.append_to(out, "histogram");
  return out;
}

const std::vector<double>& Metrics::latency_seconds() {
  static const std::vector<double> buckets{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3,
                                           0.4,   0.5,   0.6,   0.8,  1,    1.5,  2,   3,    5,   10};
  return buckets;
}

}  // namespace repartee
