// bench_load: many calls from one process over real sockets, from human recordings, with turn-taking like people's. See bench/README.md.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "bench/load/fleet.hpp"
#include "bench/load/report.hpp"
#include "realtime/transport/ws_client.hpp"

namespace {

using namespace repartee;
using namespace repartee::bench;

constexpr std::size_t calls_max = 10'000;
constexpr int seconds_max = 3600;

struct Options {
  std::string url = "ws://127.0.0.1:8080/v1/realtime", format = "opus", json_file;
  FleetOptions fleet;
  CallerOptions caller;
  SpeechOptions speech;
  int seconds = 30, warm_up_s = 3, pause_ms = 4000, patience_ms = 5000, on_time_ms = 1000;
  unsigned seed = 1;
  pid_t server_pid = 0;
};

void add_options(CLI::App& app, Options& o) {
  app.add_option("--url", o.url, "The server; loopback only")->capture_default_str();
  app.add_option("--calls", o.fleet.calls, "Calls at once")->check(CLI::Range(std::size_t{1}, calls_max))->capture_default_str();
  app.add_option("--seconds", o.seconds, "How long is measured")->check(CLI::Range(1, seconds_max))->capture_default_str();
  app.add_option("--warm-up", o.warm_up_s, "Seconds between the last call's begin and measuring")
      ->check(CLI::Range(0, seconds_max))
      ->capture_default_str();
  app.add_option("--ramp", o.fleet.ramp_calls_per_s, "Calls begun a second")->check(CLI::Range(0.1, 10'000.0))->capture_default_str();
  app.add_option("--format", o.format, "opus: binary, 16 kHz; pcm: 24 kHz, base64 in JSON")
      ->check(CLI::IsMember({"opus", "pcm"}))
      ->capture_default_str();
  app.add_option("--interrupt-rate", o.caller.interrupt_share, "Share of the replies that are spoken over")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--pause", o.pause_ms, "Between a reply and the next question, ms on average")
      ->check(CLI::Range(0, 600'000))
      ->capture_default_str();
  app.add_option("--patience", o.patience_ms, "After that many ms without audio a reply is missing")
      ->check(CLI::Range(100, 600'000))
      ->capture_default_str();
  app.add_option("--on-time", o.on_time_ms, "A reply that begins within that many ms of the last loud frame is on time")
      ->check(CLI::Range(1, 600'000))
      ->capture_default_str();
  app.add_option("--silence", o.speech.silence_duration_ms, "silence_duration_ms of the sessions; 0: the server's own")
      ->check(CLI::Range(0, 5000))
      ->capture_default_str();
  app.add_option("--voice", o.speech.voice, "Voice of the replies; empty: the server's own");
  app.add_option("--clips", o.speech.clips, "Different recordings")->check(CLI::Range(1, 200))->capture_default_str();
  app.add_option("--seed", o.seed, "Of the callers' choices")->capture_default_str();
  app.add_option("--server-pid", o.server_pid, "Process id of the server, for its CPU and memory");
  app.add_option("--json", o.json_file, "Write the figures to this file too");
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

Status complete(Options& o) {
  auto url = transport::WsClient::parse_url(o.url);
  if (!url) return url.error();
  if (url->tls || !is_loopback(url->host))
    return Error{Errc::invalid_argument, "only ws:// to this machine's own loopback: a load on others is not what this is for"};
  o.fleet.host = url->host;
  o.fleet.port = url->port;
  o.fleet.target = url->target;
  o.fleet.warm_up = std::chrono::seconds(o.warm_up_s);
  o.fleet.measured = std::chrono::seconds(o.seconds);
  o.caller.pause = Millis(o.pause_ms);
  o.caller.patience = Millis(o.patience_ms);
  o.caller.on_time = Millis(o.on_time_ms);
  o.speech.format = o.format == "opus" ? WireFormat::opus : WireFormat::pcm;
  return {};
}

std::string plan_of(const Options& o) {
  char text[256];
  std::snprintf(text, sizeof text, "%zu calls, %s, %d s measured, %.0f%% of the replies interrupted, pauses of %d ms, seed %u",
                o.fleet.calls, o.format.c_str(), o.seconds, 100 * o.caller.interrupt_share, o.pause_ms, o.seed);
  return text;
}

Result<LoadReport> run(const Options& o, Measures& measures) {
  const auto speech = make_speech(o.speech);
  if (!speech) return speech.error();
  LoadReport report{.plan = plan_of(o), .calls = o.fleet.calls, .measured_s = static_cast<double>(o.seconds)};
  double load_average = 0;
  if (getloadavg(&load_average, 1) == 1) report.load_average = load_average;
  if (o.server_pid > 0) {
    report.server_before_calls = process_usage(o.server_pid);
    if (!report.server_before_calls.is_known) return Error{Errc::not_found, "there is no process " + std::to_string(o.server_pid)};
  }
  Fleet fleet(o.fleet, o.caller, *speech, measures, o.seed);
  TimePoint begun;
  auto status = fleet.run([&](bool is_beginning) {
    const TimePoint now = SteadyClock::now();
    if (is_beginning) begun = now;
    else report.measured_s = std::chrono::duration<double>(now - begun).count();
    (is_beginning ? report.server_begin : report.server_end) = o.server_pid > 0 ? process_usage(o.server_pid) : ProcessUsage{};
    (is_beginning ? report.client_begin : report.client_end) = process_usage(getpid());
    (is_beginning ? report.machine_begin_s : report.machine_end_s) = machine_busy_s();
  });
  if (!status) {
    std::string message = status.error().message;
    for (const auto& [why, count] : measures.closes) message += "; " + why + " (" + std::to_string(count) + ")";
    return Error{status.error().code, message};
  }
  report.calls_open_at_end = fleet.open_calls();
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
  CLI11_PARSE(app, argc, argv);
  if (auto status = complete(options); !status) return fail(status.error());
  Measures measures;
  const auto report = run(options, measures);
  if (!report) return fail(report.error());
  print_table(std::cout, *report, measures);
  if (!options.json_file.empty() && !(std::ofstream(options.json_file) << to_json(*report, measures)))
    return fail({Errc::unavailable, options.json_file + " cannot be written"});
  return 0;
}
