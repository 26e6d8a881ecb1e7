// How many calls a server carries: which number of calls to try next, and whether what was seen there is good enough. Pure.
// Thread contract: values only.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace repartee::bench {

struct KneeCriteria {
  double added_p99_ms_max = 20;
  double core_busy_percent_max = 80;
  std::size_t calls_lost_max = 0, replies_late_max = 0;  // late or missing
};

// What one step saw.
struct KneeStep {
  std::size_t calls = 0, calls_open = 0;
  std::uint64_t replies_on_time = 0, replies_late = 0, replies_missing = 0;
  double added_p99_ms = 0;
  double core_busy_percent = 0;
};

// Empty: the step holds. Else what broke, in words.
std::string broken_by(const KneeStep& step, const KneeCriteria& criteria);

struct KneeOptions {
  std::size_t from = 50, step = 50, to = 1000;  // grows by `step` until it breaks
  std::size_t within = 10;                      // then halves the distance until it is no more than that
  std::size_t tries = 2;                        // a step that broke is looked at again: one late reply may be the machine's
};

class KneeSearch {
 public:
  explicit KneeSearch(const KneeOptions& options) : options_(options) {}

  // How many calls to try; none: the search is over.
  std::optional<std::size_t> next() const;
  void saw(std::size_t calls, bool holds);

  std::size_t knee() const { return holding_; }               // the most calls that held; 0: none did
  bool is_narrowed() const { return breaking_.has_value(); }  // false: it never broke

 private:
  const KneeOptions options_;
  std::size_t holding_ = 0, failures_ = 0;
  std::optional<std::size_t> breaking_;
};

}  // namespace repartee::bench
