#include "realtime/auth/tier_limits.hpp"

namespace repartee::auth {
namespace {

std::string megabytes(std::int64_t bytes) { return std::to_string(bytes / (1024 * 1024)) + " MiB"; }

}  // namespace

Status room_for_turn(const TierLimits& limits, const UsedSoFar& used) {
  if (limits.turns_a_month == 0 || used.turns < limits.turns_a_month) return {};
  return Error{Errc::resource_exhausted, "this month's " + std::to_string(limits.turns_a_month) + " turns are used up; more from the first of the next"};
}

Status room_for_upload(const TierLimits& limits, const UsedSoFar& used, std::int64_t bytes) {
  if (limits.upload_bytes_max > 0 && bytes > limits.upload_bytes_max)
    return Error{Errc::resource_exhausted, "an upload may be at most " + megabytes(limits.upload_bytes_max)};
  if (limits.storage_bytes_max > 0 && (bytes > limits.storage_bytes_max || used.storage_bytes > limits.storage_bytes_max - bytes))
    return Error{Errc::resource_exhausted, "there is no room left: " + megabytes(used.storage_bytes) + " of " + megabytes(limits.storage_bytes_max) +
                                               " are used; remove something first"};
  return {};
}

}  // namespace repartee::auth
