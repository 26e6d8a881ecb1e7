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
  ProcessUsage server_before_calls, server_begin, server_end;  // unknown without --server-pid
  ProcessUsage client_begin, client_end;
  double machine_begin_s = 0, machine_end_s = 0;
  double load_average = 0;  // when the run began
};

void print_table(std::ostream& out, const LoadReport& report, const Measures& measures);
std::string to_json(const LoadReport& report, const Measures& measures);

}  // namespace repartee::bench
