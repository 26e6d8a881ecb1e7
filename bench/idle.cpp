// bench_idle: what an open call costs that nobody talks on: memory and CPU of the server, a call. See bench/README.md.
// The stages follow one another on the same calls: nothing is sent; silence is sent all the time; each has had a turn, and nothing is sent
// again; all are closed.
#include <sys/epoll.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <memory>

#include "bench/load/process_usage.hpp"
#include "bench/load/speech.hpp"
#include "bench/load/wire.hpp"
#include "core/audio.hpp"

namespace {

using namespace repartee;
using namespace repartee::bench;

constexpr std::size_t calls_max = 10'000;
constexpr Duration frame_period = Millis(frame_ms), settling = Millis(2000), patience = std::chrono::seconds(60);

struct Options {
  std::string host = "127.0.0.1", port = "8080", format = "opus";
  std::size_t calls = 500;
  int seconds = 15, talk_ramp = 40, forget_s = 50;
  pid_t server_pid = 0;
};

// Does as it is told; counts what it has seen.
class Call final : private WireEvents {
 public:
  Call(int epoll, std::uint64_t tag, const Speech& speech) : speech_(speech), wire_(epoll, tag, *this) {}
  Wire& wire() { return wire_; }
  bool is_ready() const { return is_ready_; }
  bool has_talked() const { return turns_ > 0; }
  const std::string& why_ended() const { return why_ended_; }
  void send_silence() { wire_.send(speech_.silence); }
  // All at once: the server takes two minutes of audio in one go.
  void talk(const Utterance& utterance) {
    for (const std::string& frame : utterance.frames) wire_.send(frame);
    for (std::size_t i = 0; i < 50; ++i) wire_.send(speech_.silence);
  }

 private:
  void on_text(std::string_view text, TimePoint) override {
    const auto is = [&](std::string_view type) { return text.substr(0, 64).find(type) != std::string_view::npos; };
    if (is(R"("type":"session.created")")) wire_.send(speech_.session_update);
    else if (is(R"("type":"session.updated")")) is_ready_ = true;
    else if (is(R"("type":"repartee.turn")")) ++turns_;
  }
  void on_binary(std::string_view, TimePoint) override {}
  void on_end(const std::string& why) override { why_ended_ = why; }

  const Speech& speech_;
  Wire wire_;
  bool is_ready_ = false;
  int turns_ = 0;
  std::string why_ended_;
};

class Calls {
 public:
  Calls(const Options& options, const Speech& speech, const Address& address)
      : options_(options), speech_(speech), address_(address), epoll_(epoll_create1(EPOLL_CLOEXEC)),
        request_(upgrade_request(options.host + ":" + options.port, "/v1/realtime")) {}

  std::size_t size() const { return calls_.size(); }
  Call& operator[](std::size_t i) { return *calls_[i]; }
  void open_one() {
    calls_.push_back(std::make_unique<Call>(epoll_.get(), calls_.size(), speech_));
    calls_.back()->wire().open(address_, request_);
  }
  void close_all() {
    for (auto& call : calls_) call->wire().send(masked_frame(Opcode::close, std::string_view("\x03\xe8", 2)));
  }
  Status check() const {
    for (const auto& call : calls_)
      if (!call->why_ended().empty()) return Error{Errc::unavailable, "a call ended: " + call->why_ended()};
    return {};
  }
  // Takes what comes until `done` says so. Streams silence meanwhile, if asked.
  template <class Done>
  Status run_until(Done&& done, bool streams) {
    const TimePoint begun = SteadyClock::now();
    for (std::int64_t sent = 0; !done(SteadyClock::now() - begun);) {
      std::array<epoll_event, 1024> events;
      const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), streams ? 1 : 20);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        calls_[event.data.u64]->wire().on_events(event.events, SteadyClock::now());
      }
      const auto all = static_cast<std::int64_t>(calls_.size());
      for (; streams && begun + frame_period * sent / all <= SteadyClock::now(); ++sent) calls_[static_cast<std::size_t>(sent % all)]->send_silence();
    }
    return {};
  }
  Status rest(Duration how_long, bool streams = false) {
    (void)run_until([&](Duration passed) { return passed >= how_long; }, streams);
    return check();
  }

 private:
  const Options& options_;
  const Speech& speech_;
  const Address address_;
  FileDescriptor epoll_;
  const std::string request_;
  std::vector<std::unique_ptr<Call>> calls_;
};

class Bench {
 public:
  Bench(const Options& options, const Speech& speech, const Address& address) : options_(options), speech_(speech), calls_(options, speech, address) {}

  Status run() {
    std::printf("%zu calls, %s, %d s a stage\n%-52s %10s %12s %14s\n", options_.calls, options_.format.c_str(), options_.seconds, "", "RSS, MB",
                "KB a call", "% of a core");
    if (auto status = measure("no call", false); !status) return status;
    // The first calls fill what all share: pools, tables, the model's own buffers.
    const std::size_t first = std::max<std::size_t>(options_.calls / 10, 1);
    if (auto status = open(first); !status) return status;
    before_kb_ = usage().resident_kb;
    before_calls_ = first;
    std::printf("%-52s %10.1f\n", ("the first " + std::to_string(first) + " calls, from here counted").c_str(), before_kb_ / 1024);
    if (auto status = open(options_.calls); !status) return status;
    if (auto status = measure("open, nothing sent", false); !status) return status;
    if (auto status = measure("open, silence sent all the time", true); !status) return status;
    if (auto status = talk(); !status) return status;
    if (auto status = measure("right after a turn each, nothing sent", false); !status) return status;
    if (auto status = calls_.rest(std::chrono::seconds(options_.forget_s)); !status) return status;
    if (auto status = measure((std::to_string(options_.forget_s) + " s after that").c_str(), false); !status) return status;
    calls_.close_all();
    (void)calls_.rest(settling);
    std::printf("%-52s %10.1f\n", "all closed", usage().resident_kb / 1024);
    return {};
  }

 private:
  ProcessUsage usage() const { return process_usage(options_.server_pid); }

  Status open(std::size_t count) {
    while (calls_.size() < count) {
      calls_.open_one();
      if (auto status = wait([&] { return calls_[calls_.size() - 1].is_ready(); }, "open"); !status) return status;
    }
    return calls_.rest(settling);
  }

  // A turn each, some at a time, so that they are not all in the server at once: what is measured is what stays.
  Status talk() {
    const std::size_t at_once = static_cast<std::size_t>(options_.talk_ramp);
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      calls_[i].talk(speech_.utterances[i % speech_.utterances.size()]);
      if (i < at_once) continue;
      if (auto status = wait([&] { return calls_[i - at_once].has_talked(); }, "have a turn"); !status) return status;
    }
    for (std::size_t i = 0; i < calls_.size(); ++i)
      if (auto status = wait([&] { return calls_[i].has_talked(); }, "have a turn"); !status) return status;
    return calls_.rest(settling);
  }

  template <class Condition>
  Status wait(Condition&& condition, const char* what) {
    bool is_late = false;
    (void)calls_.run_until([&](Duration passed) { return condition() || (is_late = passed > patience) || !calls_.check(); }, false);
    if (auto status = calls_.check(); !status) return status;
    return is_late ? Status(Error{Errc::deadline_exceeded, std::string("a call did not ") + what}) : Status();
  }

  Status measure(const char* stage, bool streams) {
    if (auto status = calls_.rest(settling, streams); !status) return status;
    const ProcessUsage begin = usage();
    const TimePoint begun = SteadyClock::now();
    if (auto status = calls_.rest(std::chrono::seconds(options_.seconds), streams); !status) return status;
    const double passed_s = std::chrono::duration<double>(SteadyClock::now() - begun).count();
    const ProcessUsage end = usage();
    if (!end.is_known) return Error{Errc::not_found, "the server is gone"};
    const double cores = (end.cpu_s - begin.cpu_s) / passed_s;
    if (calls_.size() == 0) {
      std::printf("%-52s %10.1f %12s %14s   (%.2f%% of a core altogether)\n", stage, end.resident_kb / 1024, "", "", 100 * cores);
      base_cores_ = cores;
      return {};
    }
    std::printf("%-52s %10.1f %12.1f %14.4f\n", stage, end.resident_kb / 1024,
                (end.resident_kb - before_kb_) / static_cast<double>(calls_.size() - before_calls_),
                100 * (cores - base_cores_) / static_cast<double>(calls_.size()));
    std::fflush(stdout);
    return {};
  }

  const Options& options_;
  const Speech& speech_;
  Calls calls_;
  double before_kb_ = 0, base_cores_ = 0;
  std::size_t before_calls_ = 0;
};

int fail(const Error& error) {
  std::fprintf(stderr, "bench_idle: %s\n", error.message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Open calls on this machine's server that nobody talks on: what does one cost? Memory a call is counted from the first tenth of the calls on.");
  app.add_option("--port", options.port, "The server's")->capture_default_str();
  app.add_option("--server-pid", options.server_pid, "Process id of the server")->required();
  app.add_option("--calls", options.calls, "Calls at once")->check(CLI::Range(std::size_t{2}, calls_max))->capture_default_str();
  app.add_option("--seconds", options.seconds, "Of each stage")->check(CLI::Range(1, 3600))->capture_default_str();
  app.add_option("--format", options.format, "opus: binary, 16 kHz; pcm: 24 kHz, base64 in JSON")->check(CLI::IsMember({"opus", "pcm"}))->capture_default_str();
  app.add_option("--talk-at-once", options.talk_ramp, "Calls that have their turn at the same time")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--forget", options.forget_s, "Seconds until what a lost connection may ask for again is forgotten")->check(CLI::Range(0, 3600))->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  raise_descriptor_limit();
  const auto speech = make_speech({.format = options.format == "opus" ? WireFormat::opus : WireFormat::pcm_json, .clips = 10});
  if (!speech) return fail(speech.error());
  const auto address = resolve(options.host, options.port);
  if (!address) return fail(address.error());
  Bench bench(options, *speech, *address);
  const Status status = bench.run();
  return status ? 0 : fail(status.error());
}
