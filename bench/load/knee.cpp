#include "bench/load/knee.hpp"

#include <algorithm>
#include <cstdio>

namespace repartee::bench {

std::string broken_by(const KneeStep& step, const KneeCriteria& criteria) {
  const std::uint64_t late = step.replies_late + step.replies_missing;
  char text[96];
  if (step.calls_open + criteria.calls_lost_max < step.calls) {
    std::snprintf(text, sizeof text, "%zu calls lost", step.calls - step.calls_open);
    return text;
  }
  if (step.replies_on_time + late == 0) return "no reply came";
  if (late > criteria.replies_late_max) {
    std::snprintf(text, sizeof text, "%llu replies late or missing", static_cast<unsigned long long>(late));
    return text;
  }
  if (step.added_p99_ms > criteria.added_p99_ms_max) {
    std::snprintf(text, sizeof text, "p99 above %.0f ms", criteria.added_p99_ms_max);
    return text;
  }
  if (step.core_busy_percent > criteria.core_busy_percent_max) {
    std::snprintf(text, sizeof text, "core above %.0f%%", criteria.core_busy_percent_max);
    return text;
  }
  return {};
}

std::optional<std::size_t> KneeSearch::next() const {
  if (breaking_) {
    if (*breaking_ - holding_ <= options_.within) return std::nullopt;
    const std::size_t middle = holding_ + (*breaking_ - holding_) / 2;
    const std::size_t rounded = middle / options_.within * options_.within;
    return rounded > holding_ ? rounded : middle;
  }
  if (holding_ == 0) return options_.from;
  if (holding_ >= options_.to) return std::nullopt;
  return std::min(holding_ + options_.step, options_.to);
}

void KneeSearch::saw(std::size_t calls, bool holds) {
  if (holds) {
    holding_ = std::max(holding_, calls);
    failures_ = 0;
    return;
  }
  if (++failures_ < options_.tries) return;
  failures_ = 0;
  breaking_ = std::min(breaking_.value_or(calls), calls);
}

}  // namespace repartee::bench
