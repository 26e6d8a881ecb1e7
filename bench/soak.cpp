// bench_soak: thousands of short calls come and go, in waves, and after each the server must be what it was after the second: no more
// memory, no more descriptors, no more database sessions. See bench/README.md.
#include <sys/epoll.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <thread>

#include "bench/load/process_usage.hpp"
#include "bench/soak/visitor.hpp"

namespace {

using namespace repartee;
using namespace repartee::bench;

constexpr Duration put_off_wait = Millis(200), give_back_patience = std::chrono::seconds(30);
constexpr std::size_t complaints_shown_max = 10;

struct Options {
  std::string host = "127.0.0.1", port = "8080";
  std::size_t calls = 10'000, at_once = 200, wave = 1000, steady_after = 2000;
  double growth_mb_max = 8, lost_share_max = 0.002;
  long database_growth_max = 8;  // pools open what they need, up to [database] pool_size
  int settle_ms = 14'000;
  unsigned seed = 1;
  pid_t server_pid = 0;
};

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
    std::ifstream in(task.path() / "children");
    for (pid_t child; in >> child;) children.push_back(child);
  }
  return children;
}

struct Sample {
  std::size_t calls = 0;
  double resident_mb = 0;
  std::size_t descriptors = 0, database_processes = 0;
  // Pools open a connection when it is needed first, and keep it: each is a descriptor here, and a process there.
  std::size_t own_descriptors() const { return descriptors - std::min(descriptors, database_processes); }
};

Sample sample(pid_t server, std::size_t calls) {
  Sample now{.calls = calls, .resident_mb = process_usage(server).resident_kb / 1024};
  std::error_code gone;
  for ([[maybe_unused]] const auto& fd : std::filesystem::directory_iterator("/proc/" + std::to_string(server) + "/fd", gone)) ++now.descriptors;
  for (const pid_t child : children_of(server)) now.database_processes += children_of(child).size();  // the cluster's own processes too
  return now;
}

// The calls of a wave, so many at once.
class Crowd {
 public:
  Crowd(const Options& options, const Scene& scene)
      : options_(options), scene_(scene), random_(options.seed), epoll_(epoll_create1(EPOLL_CLOEXEC)), slots_(options.at_once) {}

  void run(std::size_t calls) {
    std::size_t begun = 0, ended = 0;
    while (ended < calls) {
      take_events();
      const TimePoint now = SteadyClock::now();
      for (std::size_t i = 0; i < slots_.size(); ++i) {
        Slot& slot = slots_[i];
        if (slot.visitor && now >= slot.again_at && slot.visitor->was_put_off()) slot.visitor->begin(now);
        if (slot.visitor) slot.visitor->tick(now);
        if (slot.visitor && slot.visitor->was_put_off() && now >= slot.again_at) {
          ++put_off_;
          slot.again_at = now + put_off_wait;
        }
        if (slot.visitor && slot.visitor->is_over()) {
          note(*slot.visitor);
          slot.visitor.reset();
          ++ended;
        }
        if (!slot.visitor && begun < calls) {
          slot.visitor = std::make_unique<Visitor>(scene_, draw_visit(random_), random_(), epoll_.get(), i);
          slot.visitor->begin(now);
          ++begun;
        }
      }
    }
  }

  const std::array<std::size_t, visits_count>& visits() const { return visits_; }
  const std::map<std::string, std::size_t>& complaints() const { return complaints_; }
  std::size_t lost() const {
    std::size_t sum = 0;
    for (const auto& [what, count] : complaints_) sum += count;
    return sum;
  }
  std::size_t put_off() const { return put_off_; }

 private:
  struct Slot {
    std::unique_ptr<Visitor> visitor;
    TimePoint again_at{};
  };

  void take_events() {
    std::array<epoll_event, 1024> events;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 5);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (auto& visitor = slots_[event.data.u64].visitor) visitor->on_events(event.events, SteadyClock::now());
    }
  }

  void note(const Visitor& visitor) {
    ++visits_[static_cast<std::size_t>(visitor.visit())];
    if (!visitor.complaint().empty()) ++complaints_[std::string(to_string(visitor.visit())) + ": " + visitor.complaint()];
  }

  const Options& options_;
  const Scene& scene_;
  std::mt19937 random_;
  FileDescriptor epoll_;
  std::vector<Slot> slots_;
  std::array<std::size_t, visits_count> visits_{};
  std::map<std::string, std::size_t> complaints_;
  std::size_t put_off_ = 0;
};

void print(const Sample& now, double seconds) {
  std::printf("%8zu %12.1f %14zu %20zu %10.0f\n", now.calls, now.resident_mb, now.descriptors, now.database_processes, seconds);
  std::fflush(stdout);
}

// True: nothing grew.
bool judge(const Options& options, const Sample& steady, const Sample& end, const Crowd& crowd) {
  const auto more = [](std::size_t now, std::size_t before) { return static_cast<long>(now) - static_cast<long>(before); };
  const double growth_mb = end.resident_mb - steady.resident_mb;
  const double calls = std::max<double>(static_cast<double>(end.calls - steady.calls), 1);
  const long descriptors = more(end.own_descriptors(), steady.own_descriptors()), database = more(end.database_processes, steady.database_processes);
  const double lost_share = static_cast<double>(crowd.lost()) / static_cast<double>(end.calls);
  std::printf("\nfrom call %zu on: %+.1f MB (%+.2f KB a call; at most %.1f MB), descriptors %+ld besides the database's, its processes %+ld (at most %ld)\n",
              steady.calls, growth_mb, growth_mb * 1024 / calls, options.growth_mb_max, descriptors, database, options.database_growth_max);
  const bool good =
      growth_mb <= options.growth_mb_max && descriptors <= 0 && database <= options.database_growth_max && lost_share <= options.lost_share_max;
  std::printf("%s\n", good ? "no growth" : "GROWTH, or calls that did not get what they came for");
  return good;
}

void print(const Crowd& crowd) {
  std::printf("\n");
  for (int i = 0; i < visits_count; ++i) std::printf("%8zu %s\n", crowd.visits()[static_cast<std::size_t>(i)], to_string(static_cast<Visit>(i)));
  std::printf("%8zu times put off with 503 and tried again; %zu calls did not get what they came for\n", crowd.put_off(), crowd.lost());
  std::size_t shown = 0;
  for (const auto& [what, count] : crowd.complaints())
    if (shown++ < complaints_shown_max) std::printf("%8zu %s\n", count, what.c_str());
}

// What a wave leaves goes when lost clients are no longer waited for: until then, and until descriptors are back, if they come back at all.
Sample after_wave(const Options& options, std::size_t calls, const std::optional<Sample>& steady) {
  std::this_thread::sleep_for(Millis(options.settle_ms));
  Sample now = sample(options.server_pid, calls);
  const TimePoint until = SteadyClock::now() + give_back_patience;
  while (steady && now.own_descriptors() > steady->own_descriptors() && SteadyClock::now() < until) {
    std::this_thread::sleep_for(Millis(500));
    now = sample(options.server_pid, calls);
  }
  return now;
}

bool run(const Options& options, const Scene& scene) {
  Crowd crowd(options, scene);
  std::printf("%zu calls, %zu at once, waves of %zu, seed %u\n%8s %12s %14s %20s %10s\n", options.calls, options.at_once, options.wave, options.seed, "calls",
              "RSS, MB", "descriptors", "database processes", "s");
  print(sample(options.server_pid, 0), 0);
  std::optional<Sample> steady;
  Sample last;
  const TimePoint begun = SteadyClock::now();
  for (std::size_t calls = 0; calls < options.calls;) {
    const std::size_t wave = std::min(options.wave, options.calls - calls);
    crowd.run(wave);
    calls += wave;
    last = after_wave(options, calls, steady);
    print(last, std::chrono::duration<double>(SteadyClock::now() - begun).count());
    if (last.resident_mb == 0) break;  // the server is gone
    if (!steady && calls >= options.steady_after) steady = last;
  }
  print(crowd);
  if (last.resident_mb == 0) std::printf("the server is gone\n");
  return last.resident_mb > 0 && judge(options, steady.value_or(last), last, crowd);
}

void keep_short_ones(Speech& speech) {
  constexpr std::size_t kept_max = 10;
  std::sort(speech.utterances.begin(), speech.utterances.end(), [](const auto& a, const auto& b) { return a.frames.size() < b.frames.size(); });
  if (speech.utterances.size() > kept_max) speech.utterances.resize(kept_max);
}

int fail(const Error& error) {
  std::fprintf(stderr, "bench_soak: %s\n", error.message.c_str());
  return 1;
}

void add_options(CLI::App& app, Options& o) {
  app.add_option("--port", o.port, "The server's")->capture_default_str();
  app.add_option("--server-pid", o.server_pid, "Process id of the server")->required();
  app.add_option("--calls", o.calls, "Calls altogether")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  app.add_option("--at-once", o.at_once, "Calls at the same time")->check(CLI::Range(1, 5000))->capture_default_str();
  app.add_option("--wave", o.wave, "Calls between two looks at the server")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  app.add_option("--steady-after", o.steady_after, "Calls after which nothing may grow any more")->capture_default_str();
  app.add_option("--growth-mb", o.growth_mb_max, "Memory that may come to it after that, MB")->check(CLI::Range(0.0, 10'000.0))->capture_default_str();
  app.add_option("--database-growth", o.database_growth_max, "Database connections that pools may still open after that")->check(CLI::Range(0, 1000))->capture_default_str();
  app.add_option("--lost-share", o.lost_share_max, "Share of the calls that may end otherwise than they should")->check(CLI::Range(0.0, 1.0))->capture_default_str();
  app.add_option("--settle-ms", o.settle_ms, "Between the end of a wave and the look: longer than the server waits for lost clients")
      ->check(CLI::Range(0, 600'000))
      ->capture_default_str();
  app.add_option("--seed", o.seed, "Of the callers' choices")->capture_default_str();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Short calls come and go on this machine's server, some of them badly: does it stay as small as it was? Ends with 1 when it grew.");
  add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  raise_descriptor_limit();
  auto opus = make_speech({.format = WireFormat::opus}), pcm = make_speech({.format = WireFormat::pcm_json});
  if (!opus) return fail(opus.error());
  if (!pcm) return fail(pcm.error());
  const auto address = resolve(options.host, options.port);
  if (!address) return fail(address.error());
  Scene scene{*address, options.host + ":" + options.port, std::move(opus).value(), std::move(pcm).value()};
  keep_short_ones(scene.opus);
  keep_short_ones(scene.pcm);
  return run(options, scene) ? 0 : 1;
}
