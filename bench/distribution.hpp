// Counts milliseconds in bins of 0.1 ms, so that a long load costs no memory; percentiles are exact to one bin.
// Thread contract: values only.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace repartee::bench {

class Distribution {
 public:
  void add(double ms) {
    ms = std::max(ms, 0.0);
    if (bins_.empty()) bins_.resize(bins_max + 1);
    ++bins_[std::min(static_cast<std::size_t>(ms * bins_per_ms), bins_max)];
    ++count_;
    max_ = std::max(max_, ms);
    sum_ += ms;
  }
  std::uint64_t count() const { return count_; }
  double max_ms() const { return max_; }
  double mean_ms() const { return count_ ? sum_ / static_cast<double>(count_) : 0; }
  // The smallest value that at least `share` of all are not above; 0 when there are none.
  double percentile_ms(double share) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t bin = 0; bin < bins_.size(); ++bin)
      if ((seen += bins_[bin]) >= std::max<std::uint64_t>(wanted, 1))
        return bin == bins_max ? max_ : static_cast<double>(bin) / bins_per_ms;
    return 0;
  }

 private:
  static constexpr std::size_t bins_per_ms = 10, bins_max = 20'000 * bins_per_ms;  // the last bin holds everything above 20 s
  std::vector<std::uint32_t> bins_;
  std::uint64_t count_ = 0;
  double max_ = 0, sum_ = 0;
};

}  // namespace repartee::bench
