// bench_ramp: more and more calls on one server until replies are late, latency grows or the core is full. See bench/README.md.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "bench/load/options.hpp"
#include "bench/load/ramp.hpp"

namespace {

using namespace repartee;
using namespace repartee::bench;

constexpr std::size_t calls_max = 10'000;
constexpr int seconds_max = 600;

struct Options {
  LoadOptions load;
  RampOptions ramp;
  double settle_s = 4, seconds = 12;
};

void add_ramp_options(CLI::App& app, Options& o) {
  const auto calls = CLI::Range(std::size_t{1}, calls_max);
  app.add_option("--from", o.ramp.knee.from, "Calls of the first step")->check(calls)->capture_default_str();
  app.add_option("--step", o.ramp.knee.step, "Calls more each step")->check(calls)->capture_default_str();
  app.add_option("--to", o.ramp.knee.to, "No more calls than that")->check(calls)->capture_default_str();
  app.add_option("--within", o.ramp.knee.within, "How near the knee is narrowed down to, calls")->check(calls)->capture_default_str();
  app.add_option("--tries", o.ramp.knee.tries, "A step that broke so often has broken")->check(CLI::Range(1, 10))->capture_default_str();
  app.add_option("--settle", o.settle_s, "Seconds between a step's last call and measuring")
      ->check(CLI::Range(0, seconds_max))
      ->capture_default_str();
  app.add_option("--seconds", o.seconds, "How long each step is measured")->check(CLI::Range(1, seconds_max))->capture_default_str();
  app.add_option("--added-p99-max", o.ramp.criteria.added_p99_ms_max, "p99 of the added latency, ms")
      ->check(CLI::Range(1.0, 10'000.0))
      ->capture_default_str();
  app.add_option("--busy-max", o.ramp.criteria.core_busy_percent_max, "How much of the server's core may be used, %")
      ->check(CLI::Range(1.0, 100.0))
      ->capture_default_str();
}

std::string plan_of(const Options& o) {
  char text[256];
  std::snprintf(text, sizeof text, "%s, %.0f%% of the replies interrupted, pauses of %d ms, %.0f s measured a step, seed %u",
                o.load.format.c_str(), 100 * o.load.caller.interrupt_share, o.load.pause_ms, o.seconds, o.load.seed);
  return text;
}

int fail(const Error& error) {
  std::fprintf(stderr, "bench_ramp: %s\n", error.message.c_str());
  return 1;
}

Millis millis(double seconds) { return Millis(static_cast<std::int64_t>(seconds * 1000)); }

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("How many calls does a server carry? More and more of them, until replies are late, latency grows or its core is full.");
  add_options(app, options.load);
  add_ramp_options(app, options);
  CLI11_PARSE(app, argc, argv);
  if (auto status = complete(options.load); !status) return fail(status.error());
  options.ramp.settle = millis(options.settle_s);
  options.ramp.measured = millis(options.seconds);
  options.ramp.server_pid = options.load.server_pid;
  options.load.fleet.calls_max = options.ramp.knee.to;
  const auto speech = make_speech(options.load.speech);
  if (!speech) return fail(speech.error());
  Measures measures;
  Fleet fleet(options.load.fleet, options.load.caller, *speech, measures, options.load.seed);
  std::cout << plan_of(options) << '\n';
  const auto result = run_ramp(options.ramp, fleet, measures, std::cout);
  if (!result) return fail(result.error());
  if (result->knee == 0) std::cout << "not even the first step held\n";
  else if (result->is_narrowed) std::cout << "the knee: " << result->knee << " calls\n";
  else std::cout << "no knee up to " << result->knee << " calls\n";
  const std::string& file = options.load.json_file;
  if (!file.empty() && !(std::ofstream(file) << to_json(plan_of(options), options.ramp, *result)))
    return fail({Errc::unavailable, file + " cannot be written"});
  return 0;
}
