#include "bench/load/window.hpp"

#include <unistd.h>

#include <cstdlib>

namespace repartee::bench {
namespace {

Error no_calls(const Measures& measures) {
  std::string message = "no call is open";
  for (const auto& [why, count] : measures.closes) message += "; " + why + " (" + std::to_string(count) + ")";
  return {Errc::unavailable, message};
}

}  // namespace

Result<LoadReport> measure_window(Fleet& fleet, Measures& measures, Duration length, pid_t server_pid) {
  if (fleet.open_calls() == 0) return no_calls(measures);
  const auto closes_so_far = measures.closes;  // calls that did not come about are part of every figure
  measures = Measures{};
  measures.closes = closes_so_far;
  LoadReport report{.calls = fleet.wanted_calls()};
  if (getloadavg(&report.load_average, 1) != 1) report.load_average = 0;
  const auto usage = [&] { return server_pid > 0 ? process_usage(server_pid) : ProcessUsage{}; };
  report.server_begin = usage();
  if (server_pid > 0 && !report.server_begin.is_known) return Error{Errc::not_found, "there is no process " + std::to_string(server_pid)};
  report.client_begin = process_usage(getpid());
  report.machine_begin_s = machine_busy_s();
  const TimePoint begun = SteadyClock::now();
  measures.is_counting = true;
  fleet.run_for(length);
  measures.is_counting = false;
  report.measured_s = std::chrono::duration<double>(SteadyClock::now() - begun).count();
  report.server_end = usage();
  report.client_end = process_usage(getpid());
  report.machine_end_s = machine_busy_s();
  report.calls_open_at_end = fleet.open_calls();
  return report;
}

}  // namespace repartee::bench
