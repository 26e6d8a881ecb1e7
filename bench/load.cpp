// bench_load: many calls from one process over real sockets, from human recordings, with turn-taking like people's. See bench/README.md.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "bench/load/options.hpp"
#include "bench/load/report.hpp"
#include "bench/load/window.hpp"

namespace {

using namespace repartee;
using namespace repartee::bench;

constexpr std::size_t calls_max = 10'000;
constexpr int seconds_max = 3600;

struct Options : LoadOptions {
  std::size_t calls = 10;
  int seconds = 30, warm_up_s = 3;
};

void add_run_options(CLI::App& app, Options& o) {
  app.add_option("--calls", o.calls, "Calls at once")->check(CLI::Range(std::size_t{1}, calls_max))->capture_default_str();
  app.add_option("--seconds", o.seconds, "How long is measured")->check(CLI::Range(1, seconds_max))->capture_default_str();
  app.add_option("--warm-up", o.warm_up_s, "Seconds between the last call's begin and measuring")
      ->check(CLI::Range(0, seconds_max))
      ->capture_default_str();
}

std::string plan_of(const Options& o) {
  char text[256];
  std::snprintf(text, sizeof text, "%zu calls, %s, %d s measured, %.0f%% of the replies interrupted, pauses of %d ms, seed %u", o.calls,
                o.format.c_str(), o.seconds, 100 * o.caller.interrupt_share, o.pause_ms, o.seed);
  return text;
}

Result<LoadReport> run(const Options& o, Measures& measures) {
  const auto speech = make_speech(o.speech);
  if (!speech) return speech.error();
  const ProcessUsage before = o.server_pid > 0 ? process_usage(o.server_pid) : ProcessUsage{};
  Fleet fleet(o.fleet, o.caller, *speech, measures, o.seed);
  if (auto begun = fleet.begin(); !begun) return begun.error();
  fleet.set_calls(o.calls);
  fleet.run_until_begun();
  fleet.run_for(std::chrono::seconds(o.warm_up_s));
  auto report = measure_window(fleet, measures, std::chrono::seconds(o.seconds), o.server_pid);
  if (!report) return report.error();
  report->plan = plan_of(o);
  report->server_before_calls = before;
  return report;
}

int fail(const Error& error) {
  std::fprintf(stderr, "bench_load: %s\n", error.message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Many calls on one server, from human recordings: are the replies on time, and what does a call cost?");
  add_options(app, options);
  add_run_options(app, options);
  CLI11_PARSE(app, argc, argv);
  if (auto status = complete(options); !status) return fail(status.error());
  options.fleet.calls_max = options.calls;
  Measures measures;
  const auto report = run(options, measures);
  if (!report) return fail(report.error());
  print_table(std::cout, *report, measures);
  if (!options.json_file.empty() && !(std::ofstream(options.json_file) << to_json(*report, measures)))
    return fail({Errc::unavailable, options.json_file + " cannot be written"});
  return 0;
}
