// Time as the whole house uses it. Logic never asks for the time: it is passed in as a TimePoint.
// Thread contract: values only.
#pragma once
#include <chrono>
#include <cstdint>

namespace repartee {

using SteadyClock = std::chrono::steady_clock;
using TimePoint = SteadyClock::time_point;          // latencies, deadlines
using Duration = SteadyClock::duration;
using Millis = std::chrono::milliseconds;
using WallTime = std::chrono::system_clock::time_point;  // what is written into rows and logs

constexpr TimePoint no_deadline = TimePoint::max();

inline std::int64_t to_ms(Duration d) { return std::chrono::duration_cast<Millis>(d).count(); }

}  // namespace repartee
