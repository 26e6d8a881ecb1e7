#include "bench/load/ramp.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <ostream>

#include "bench/load/window.hpp"

namespace repartee::bench {
namespace {

constexpr double client_late_ms_max = 10;

KneeStep seen_in(const LoadReport& report, const Measures& m) {
  return {.calls = report.calls,
          .calls_open = report.calls_open_at_end,
          .replies_on_time = m.replies_on_time,
          .replies_late = m.replies_late,
          .replies_missing = m.replies_missing,
          .added_p99_ms = m.added.percentile_ms(0.99),
          .core_busy_percent = 100 * server_cost(report).core_busy};
}

void print_head(std::ostream& out) {
  char text[256];
  std::snprintf(text, sizeof text, "%5s %6s %6s %7s %7s %11s %15s %8s %8s %8s %9s  %s\n", "calls", "core%", "proc%", "%/call", "talk%",
                "on time", "added p50/99 ms", "gap p99", "barge95", "late p99", "others", "");
  out << text;
}

// "late": of this client's own sending; "others": cores used by neither server nor client.
void print_step(std::ostream& out, const RampStep& step) {
  const Measures& m = step.measures;
  const LoadReport& r = step.report;
  const Cost cost = server_cost(r);
  const double call_ms = static_cast<double>(r.calls) * r.measured_s * 1000;
  const auto replies = m.replies_on_time + m.replies_late + m.replies_missing;
  char text[320];
  std::snprintf(text, sizeof text, "%5zu %6.1f %6.1f %7.3f %7.0f %5llu/%-5llu %9.0f/%-5.0f %8.1f %8.0f %8.1f %9.2f  %s%s\n", r.calls,
                100 * cost.core_busy, 100 * cost.cores, cost.percent_a_call, 100 * m.reply_audio_ms / call_ms,
                static_cast<unsigned long long>(m.replies_on_time), static_cast<unsigned long long>(replies), m.added.percentile_ms(0.5),
                m.added.percentile_ms(0.99), m.frame_gap.percentile_ms(0.99), m.barge_in_stop.percentile_ms(0.95),
                m.client_lateness.percentile_ms(0.99), others_cores(r), step.broken_by.empty() ? "holds" : step.broken_by.c_str(),
                m.client_lateness.percentile_ms(0.99) > client_late_ms_max ? " (this client was late itself)" : "");
  out << text << std::flush;
}

Result<RampStep> make_step(const RampOptions& options, Fleet& fleet, Measures& measures, std::size_t calls) {
  fleet.set_calls(calls);
  fleet.run_until_begun();
  fleet.run_for(options.settle);
  auto report = measure_window(fleet, measures, options.measured, options.server_pid);
  if (!report) return report.error();
  RampStep step{.report = std::move(*report), .measures = measures, .seen = {}, .broken_by = {}};
  step.seen = seen_in(step.report, measures);
  step.broken_by = broken_by(step.seen, options.criteria);
  return step;
}

}  // namespace

Result<RampResult> run_ramp(const RampOptions& options, Fleet& fleet, Measures& measures, std::ostream& out) {
  if (auto begun = fleet.begin(); !begun) return begun.error();
  KneeSearch search(options.knee);
  RampResult result;
  print_head(out);
  while (const auto calls = search.next()) {
    auto step = make_step(options, fleet, measures, *calls);
    if (!step && result.steps.empty()) return step.error();
    if (!step) {
      out << *calls << ": " << step.error().message << '\n';
      break;
    }
    print_step(out, *step);
    search.saw(*calls, step->broken_by.empty());
    result.steps.push_back(std::move(*step));
  }
  result.knee = search.knee();
  result.is_narrowed = search.is_narrowed();
  return result;
}

std::string to_json(const std::string& plan, const RampOptions& options, const RampResult& result) {
  using Json = nlohmann::ordered_json;
  Json json{{"plan", plan}, {"knee", result.knee}, {"is_narrowed", result.is_narrowed}};
  json["criteria"] = {{"added_p99_ms_max", options.criteria.added_p99_ms_max},
                      {"core_busy_percent_max", options.criteria.core_busy_percent_max},
                      {"replies_late_max", options.criteria.replies_late_max}};
  json["steps"] = Json::array();
  for (const RampStep& step : result.steps) {
    Json figures = Json::parse(to_json(step.report, step.measures));
    figures["broken_by"] = step.broken_by;
    json["steps"].push_back(std::move(figures));
  }
  return json.dump(1) + "\n";
}

}  // namespace repartee::bench
