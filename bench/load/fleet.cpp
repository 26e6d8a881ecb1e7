#include "bench/load/fleet.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <numbers>
#include <numeric>
#include <vector>

#include "bench/load/wire.hpp"

namespace repartee::bench {
namespace {

constexpr std::uint64_t timer_tag = ~std::uint64_t{0};
constexpr long timer_period_ns = 1'000'000;
constexpr int events_max = 1024;
constexpr std::string_view normal_closure = "\x03\xe8";  // 1000, RFC 6455 section 7.4.1
constexpr Duration frame_period = Millis(frame_ms);

}  // namespace

class Fleet::Line final : private WireEvents {
 public:
  Line(int epoll, std::uint64_t tag, const CallerOptions& options, const Speech& speech, Measures& measures, unsigned seed)
      : speech_(speech), measures_(measures), caller_(options, speech, measures, seed), wire_(epoll, tag, *this) {}

  Wire& wire() { return wire_; }
  const Wire& wire() const { return wire_; }

  void hang_up() {
    if (wire_.is_open()) wire_.send(masked_frame(Opcode::close, normal_closure));
    wire_.drop();
  }

  // The 20 ms tick.
  void tick(TimePoint now) {
    if (!wire_.is_open()) return;
    const std::string_view frame = caller_.frame_to_send(now);
    if (frame.empty()) return;
    if (measures_.is_counting) ++measures_.frames_sent;
    wire_.send(frame);
  }

 private:
  void on_text(std::string_view text, TimePoint now) override {
    caller_.on_text(text, now);
    if (!caller_.wants_configuration()) return;
    caller_.configuration_sent();
    wire_.send(speech_.session_update);
  }
  void on_binary(std::string_view audio, TimePoint now) override { caller_.on_binary(audio, now); }
  void on_end(const std::string& why) override { ++measures_.closes[why]; }

  const Speech& speech_;
  Measures& measures_;
  Caller caller_;
  Wire wire_;
};

struct Fleet::Impl {
  Impl(FleetOptions o, const CallerOptions& caller, const Speech& s, Measures& m, unsigned first_seed)
      : options(std::move(o)),
        caller_options(caller),
        speech(s),
        measures(m),
        seed(first_seed),
        epoll(epoll_create1(EPOLL_CLOEXEC)),
        timer(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
        request(upgrade_request(options.host + ":" + options.port, options.target)),
        lines(options.calls_max),
        line_of_slot(slots_evenly(options.calls_max)) {
    raise_descriptor_limit();
  }

  // Which line has its turn in which part of the 20 ms: steps of the golden section, so that however many lines are open, they are spread
  // evenly.
  static std::vector<std::size_t> slots_evenly(std::size_t count) {
    auto stride = std::max<std::size_t>(static_cast<std::size_t>(static_cast<double>(count) / std::numbers::phi), 1);
    while (std::gcd(stride, count) != 1) ++stride;
    std::vector<std::size_t> line_of(count);
    for (std::size_t i = 0; i < count; ++i) line_of[i * stride % count] = i;
    return line_of;
  }

  Status start_timer() {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = timer_tag;
    itimerspec every{};
    every.it_interval.tv_nsec = every.it_value.tv_nsec = timer_period_ns;
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, timer.get(), &event) != 0 || timerfd_settime(timer.get(), 0, &every, nullptr) != 0)
      return Error{Errc::internal, std::string("timer: ") + std::strerror(errno)};
    return {};
  }

  void wait() {
    std::array<epoll_event, events_max> events;
    const int count = epoll_wait(epoll.get(), events.data(), events_max, 100);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == timer_tag) {
        std::uint64_t expirations = 0;
        (void)!::read(timer.get(), &expirations, sizeof expirations);
      } else if (const auto& line = lines[event.data.u64]) {
        line->wire().on_events(event.events, SteadyClock::now());
      }
    }
  }

  // The line of slot i is due at begun + (k + i / slots) * 20 ms, for every k.
  void send_due() {
    const auto slots = static_cast<std::int64_t>(lines.size());
    TimePoint now = SteadyClock::now();
    for (TimePoint due; (due = begun + frame_period * ticks / slots) <= now; ++ticks) {
      const auto& line = lines[line_of_slot[static_cast<std::size_t>(ticks % slots)]];
      if (!line || !line->wire().is_open()) continue;
      if (measures.is_counting) measures.client_lateness.add(std::chrono::duration<double, std::milli>(now - due).count());
      line->tick(now);
      now = SteadyClock::now();
    }
  }

  void open_due() {
    if (started == wanted) return;
    const double passed_s = std::chrono::duration<double>(SteadyClock::now() - ramp_begun).count();
    while (started < wanted && static_cast<double>(started - ramp_from) <= passed_s * options.ramp_calls_per_s) {
      auto& line = lines[started];
      line = std::make_unique<Line>(epoll.get(), started, caller_options, speech, measures, seed + static_cast<unsigned>(started));
      line->wire().open(address, request);
      ++started;
    }
  }

  void step() {
    open_due();
    wait();
    send_due();
  }

  FleetOptions options;
  const CallerOptions& caller_options;
  const Speech& speech;
  Measures& measures;
  const unsigned seed;
  FileDescriptor epoll, timer;
  std::string request;
  Address address;
  std::vector<std::unique_ptr<Line>> lines;  // the first `started` of them are there
  const std::vector<std::size_t> line_of_slot;
  std::size_t wanted = 0, started = 0, ramp_from = 0;
  TimePoint begun{}, ramp_begun{};
  std::int64_t ticks = 0;
};

Fleet::Fleet(FleetOptions options, const CallerOptions& caller_options, const Speech& speech, Measures& measures, unsigned seed)
    : impl_(std::make_unique<Impl>(std::move(options), caller_options, speech, measures, seed)) {}
Fleet::~Fleet() = default;

Status Fleet::begin() {
  auto address = resolve(impl_->options.host, impl_->options.port);
  if (!address) return address.error();
  impl_->address = *address;
  impl_->begun = SteadyClock::now();
  return impl_->start_timer();
}

void Fleet::set_calls(std::size_t calls) {
  impl_->wanted = std::min(calls, impl_->lines.size());
  while (impl_->started > impl_->wanted) {
    auto& line = impl_->lines[--impl_->started];
    line->hang_up();
    line.reset();
  }
  impl_->ramp_from = impl_->started;
  impl_->ramp_begun = SteadyClock::now();
}

std::size_t Fleet::wanted_calls() const { return impl_->wanted; }

void Fleet::run_for(Duration length) {
  const TimePoint end = SteadyClock::now() + length;
  while (SteadyClock::now() < end) impl_->step();
}

void Fleet::run_until_begun() {
  while (impl_->started < impl_->wanted) impl_->step();
}

std::size_t Fleet::open_calls() const {
  return static_cast<std::size_t>(std::ranges::count_if(impl_->lines, [](const auto& line) { return line && line->wire().is_open(); }));
}

}  // namespace repartee::bench
