// bench_floor: what the same calls would cost without the product: `serve` is a bare socket loop for bench_load, `parts` the codec and the
// VAD by themselves. See bench/README.md.
#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/floor/bare_server.hpp"
#include "bench/floor/parts.hpp"

namespace {

using namespace repartee;
using namespace repartee::bench;

std::atomic<bool> is_stopping{false};

int fail(const Error& error) {
  std::fprintf(stderr, "bench_floor: %s\n", error.message.c_str());
  return 1;
}

int serve(const BareOptions& options, const FloorMaterial& material) {
  auto server = BareServer::make(options, material);
  if (!server) return fail(server.error());
  std::signal(SIGTERM, [](int) { is_stopping = true; });
  std::printf("listening\n");
  std::fflush(stdout);
  (*server)->run(is_stopping);
  return 0;
}

int parts(const PartsOptions& options, const FloorMaterial& material, const std::string& json_file) {
  const auto measured = measure_parts(options, material);
  if (!measured) return fail(measured.error());
  std::printf("%zu calls, agents talk %.0f%%, callers %.0f%%, complexity %d; %% of a core a call:\n", options.calls,
              100 * options.agents_talk, 100 * options.callers_talk, options.complexity);
  std::printf("  decode %.4f (%.1f us a packet), VAD %.4f (%.1f us a window), encode %.4f (%.1f us a packet)\n", measured->decode,
              measured->decode_us, measured->vad, measured->window_us, measured->encode, measured->encode_us);
  const nlohmann::ordered_json json{{"decode", measured->decode},       {"vad", measured->vad},
                                    {"encode", measured->encode},       {"decode_us", measured->decode_us},
                                    {"window_us", measured->window_us}, {"encode_us", measured->encode_us}};
  if (!json_file.empty() && !(std::ofstream(json_file) << json.dump(1) << '\n'))
    return fail({Errc::unavailable, json_file + " cannot be written"});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("What the same calls cost without the product.");
  app.require_subcommand(1);
  BareOptions bare{.models_dir = REPARTEE_MODELS_DIR};
  PartsOptions options{.models_dir = REPARTEE_MODELS_DIR};
  std::string json_file;
  CLI::App& serving = *app.add_subcommand("serve", "A bare socket loop on loopback that bench_load can talk to");
  serving.add_option("--port", bare.port, "Where it listens")->required()->check(CLI::Range(1, 65535));
  serving.add_flag("--work", bare.works, "Decode, run VAD and encode too");
  serving.add_option("--complexity", bare.complexity, "Of Opus")->check(CLI::Range(0, 10))->capture_default_str();
  serving.add_option("--events", bare.events_a_turn, "Events a turn")->capture_default_str();
  serving.add_option("--event-bytes", bare.event_bytes, "Of each event")->check(CLI::Range(1, 60'000))->capture_default_str();
  CLI::App& parting = *app.add_subcommand("parts", "Codec and VAD, no sockets");
  parting.add_option("--calls", options.calls, "Calls at once")->check(CLI::Range(1, 10'000))->capture_default_str();
  parting.add_option("--agents-talk", options.agents_talk, "Share of the time")->check(CLI::Range(0.0, 1.0))->capture_default_str();
  parting.add_option("--callers-talk", options.callers_talk, "Share of the time")->check(CLI::Range(0.0, 1.0))->capture_default_str();
  parting.add_option("--complexity", options.complexity, "Of Opus")->check(CLI::Range(0, 10))->capture_default_str();
  parting.add_option("--json", json_file, "Write the figures to this file too");
  CLI11_PARSE(app, argc, argv);
  const auto material = make_floor_material();
  if (!material) return fail(material.error());
  return serving.parsed() ? serve(bare, *material) : parts(options, *material, json_file);
}
