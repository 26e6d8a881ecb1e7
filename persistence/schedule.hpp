// When something is to be done again: "every 6 hours" (minutes, hours, days; from the time it was started), or five fields as in
// crontab(5): minute, hour, day of month, month, day of week (0 and 7: Sunday), each *, a number, a-b, a list with commas, or any with
// /step. In UTC. When both days are restricted, either will do, as cron has it. Thread contract: values.
#pragma once
#include <bitset>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/result.hpp"

namespace repartee::persistence {

class Schedule {
 public:
  static Result<Schedule> parse(std::string_view text);
  // The first time after `now`; empty when there is none within five years (February 30th).
  std::optional<WallTime> next_after(WallTime now) const;

 private:
  std::chrono::minutes every_{0};  // 0: by the fields
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<8> weekdays_;
  bool any_day_ = false, any_weekday_ = false;
};

}  // namespace repartee::persistence
