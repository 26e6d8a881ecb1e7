// Grows the calls on one server step by step until it no longer keeps the criteria, and narrows where that is.
// Thread contract: blocks; one thread.
#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "bench/load/fleet.hpp"
#include "bench/load/knee.hpp"
#include "bench/load/report.hpp"

namespace repartee::bench {

struct RampOptions {
  KneeOptions knee;
  KneeCriteria criteria;
  Millis settle{4000}, measured{12'000};  // of each step, after its last call was begun
  pid_t server_pid = 0;
};

struct RampStep {
  LoadReport report;
  Measures measures;
  KneeStep seen;
  std::string broken_by;
};

struct RampResult {
  std::vector<RampStep> steps;  // in the order they were made
  std::size_t knee = 0;
  bool is_narrowed = false;
};

// Prints a line to `out` after each step. Errors: those of the first step; a later one only ends the ramp as broken.
Result<RampResult> run_ramp(const RampOptions& options, Fleet& fleet, Measures& measures, std::ostream& out);
std::string to_json(const std::string& plan, const RampOptions& options, const RampResult& result);

}  // namespace repartee::bench
