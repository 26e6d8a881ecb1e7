#include "bench/load/options.hpp"

#include <CLI/CLI.hpp>
#include <map>

#include "realtime/transport/ws_client.hpp"

namespace repartee::bench {
namespace {

const std::map<std::string, WireFormat> formats{
    {"opus", WireFormat::opus}, {"pcm", WireFormat::pcm_json}, {"pcm-binary", WireFormat::pcm_binary}};

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

void add_caller_options(CLI::App& app, LoadOptions& o) {
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
  app.add_flag("--whole-interruptions", o.speech.whole_interruptions,
               "Interruptions begin with the recording's first sound, a breath perhaps; otherwise with its first speech");
  app.add_flag("--idle", o.caller.is_idle, "Callers say nothing: silence, for as long as it lasts");
}

}  // namespace

void add_options(CLI::App& app, LoadOptions& o) {
  app.add_option("--url", o.url, "The server; loopback only")->capture_default_str();
  app.add_option("--ramp", o.fleet.ramp_calls_per_s, "Calls begun a second")->check(CLI::Range(0.1, 10'000.0))->capture_default_str();
  app.add_option("--format", o.format, "opus: binary, 16 kHz; pcm: 24 kHz, base64 in JSON; pcm-binary: 24 kHz, binary")
      ->check(CLI::IsMember(formats))
      ->capture_default_str();
  add_caller_options(app, o);
  app.add_option("--silence", o.speech.silence_duration_ms, "silence_duration_ms of the sessions; 0: the server's own")
      ->check(CLI::Range(0, 5000))
      ->capture_default_str();
  app.add_option("--voice", o.speech.voice, "Voice of the replies; empty: the server's own");
  app.add_option("--clips", o.speech.clips, "Different recordings")->check(CLI::Range(1, 200))->capture_default_str();
  app.add_option("--seed", o.seed, "Of the callers' choices")->capture_default_str();
  app.add_option("--server-pid", o.server_pid, "Process id of the server, for its CPU and memory");
  app.add_option("--json", o.json_file, "Write the figures to this file too");
}

Status complete(LoadOptions& o) {
  auto url = transport::WsClient::parse_url(o.url);
  if (!url) return url.error();
  if (url->tls || !is_loopback(url->host))
    return Error{Errc::invalid_argument, "only ws:// to this machine's own loopback: a load on others is not what this is for"};
  o.fleet.host = url->host;
  o.fleet.port = url->port;
  o.fleet.target = url->target;
  o.caller.pause = Millis(o.pause_ms);
  o.caller.patience = Millis(o.patience_ms);
  o.caller.on_time = Millis(o.on_time_ms);
  o.speech.format = formats.at(o.format);
  return {};
}

}  // namespace repartee::bench
