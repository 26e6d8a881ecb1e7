// The figures of a load run as a table for people and as JSON.
// Thread contract: values only.
#pragma once
#include <iosfwd>
#include <string>

#include "bench/load/measures.hpp"
#include "bench/load/process_usage.hpp"

namespace repartee::bench {

struct LoadReport {
  std::string plan;  // the run in words
  std::size_t calls = 0, calls_open_at_end = 0;
  double measured_s = 0;
  ProcessUsage server_before_calls, server_begin, server_end;  // unknown without --server-pid, and before the calls where nobody looked
  ProcessUsage client_begin, client_end;
  double machine_begin_s = 0, machine_end_s = 0;
  double load_average = 0;  // when the run began
};

// CPU of the server between begin and end, and what it means for one call.
struct Cost {
  bool is_known = false;
  double cores = 0, system_cores = 0, percent_a_call = 0, calls_a_core_at_80 = 0;
  double core_busy =
      0;  // share of the processors it is pinned to that anybody used; of one core by the process alone where it is not pinned
  double kb_a_call = 0;
};
Cost server_cost(const LoadReport& report);
double others_cores(const LoadReport& report);  // used by neither server nor client

void print_table(std::ostream& out, const LoadReport& report, const Measures& measures);
std::string to_json(const LoadReport& report, const Measures& measures);

}  // namespace repartee::bench
