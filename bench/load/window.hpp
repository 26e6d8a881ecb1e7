// One stretch of a run that is counted: what everybody had spent before and after it, and what the callers measured between.
// Thread contract: blocks; the thread that runs the fleet.
#pragma once
#include "bench/load/fleet.hpp"
#include "bench/load/report.hpp"

namespace repartee::bench {

// Sets `measures` back to nothing and counts for `length`. Errors: unavailable when no call is open, not_found when there is no such server
// process (0: none was named).
Result<LoadReport> measure_window(Fleet& fleet, Measures& measures, Duration length, pid_t server_pid);

}  // namespace repartee::bench
