#include "core/limits.hpp"

#include <algorithm>
#include <cmath>

namespace repartee {
namespace {

// As OpenAI writes it: 250ms, 12s, 6m0s.
std::string short_time(double seconds) {
  if (seconds < 1) return std::to_string(static_cast<int>(std::ceil(seconds * 1000))) + "ms";
  const int whole = static_cast<int>(std::ceil(seconds));
  return whole < 60 ? std::to_string(whole) + "s" : std::to_string(whole / 60) + "m" + std::to_string(whole % 60) + "s";
}

}  // namespace

std::map<std::string, std::string> limit_headers(const LimitDecision& decision) {
  std::map<std::string, std::string> headers;
  if (decision.limit > 0) {
    headers["x-ratelimit-limit-requests"] = std::to_string(decision.limit);
    headers["x-ratelimit-remaining-requests"] = std::to_string(decision.remaining);
    headers["x-ratelimit-reset-requests"] = short_time(decision.reset_seconds);
  }
  if (!decision.allowed) headers["Retry-After"] = std::to_string(std::max(1, static_cast<int>(std::ceil(decision.retry_after_seconds))));
  return headers;
}

}  // namespace repartee
