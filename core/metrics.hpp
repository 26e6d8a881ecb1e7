// Counters, gauges and histograms, exported in the Prometheus text format.
// Thread contract: every member from any thread; observing is lock-free or nearly so. Handles are valid as long as the Metrics.
// Names: repartee_<part>_<what>_<unit>; labels are few and bounded (never an id, never user text).
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace repartee {

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double n = 1) = 0;
  virtual double value() const = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) = 0;
  virtual void add(double n) = 0;
  virtual double value() const = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) = 0;
};

class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;
  Metrics();
  ~Metrics();
  // The same name and labels give the same instrument.
  Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram& histogram(const std::string& name, const std::string& help, const std::vector<double>& buckets, const Labels& labels = {});
  std::string text() const;  // Prometheus exposition format 0.0.4

  static const std::vector<double>& latency_seconds();  // buckets 1 ms .. 10 s

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee
