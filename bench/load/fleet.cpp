#include "bench/load/fleet.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "bench/load/wire.hpp"

namespace repartee::bench {
namespace {

constexpr std::uint64_t timer_tag = ~std::uint64_t{0};
constexpr long timer_period_ns = 1'000'000;
constexpr int events_max = 1024;
constexpr Duration frame_period = Millis(frame_ms);

}  // namespace

class Fleet::Line final : private WireEvents {
 public:
  Line(int epoll, std::uint64_t tag, const CallerOptions& options, const Speech& speech, Measures& measures, unsigned seed)
      : speech_(speech), measures_(measures), caller_(options, speech, measures, seed), wire_(epoll, tag, *this) {}

  Wire& wire() { return wire_; }
  const Wire& wire() const { return wire_; }

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
  void on_binary(std::string_view, TimePoint now) override { caller_.on_binary(now); }
  void on_end(const std::string& why) override { ++measures_.closes[why]; }

  const Speech& speech_;
  Measures& measures_;
  Caller caller_;
  Wire wire_;
};

struct Fleet::Impl {
  Impl(FleetOptions o, const CallerOptions& caller_options, const Speech& speech, Measures& m, unsigned seed)
      : options(std::move(o)),
        measures(m),
        epoll(epoll_create1(EPOLL_CLOEXEC)),
        timer(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
        request(upgrade_request(options.host + ":" + options.port, options.target)) {
    raise_descriptor_limit();
    for (std::size_t i = 0; i < options.calls; ++i)
      lines.push_back(std::make_unique<Line>(epoll.get(), i, caller_options, speech, measures, seed + static_cast<unsigned>(i)));
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
      if (event.data.u64 != timer_tag) {
        lines[event.data.u64]->wire().on_events(event.events, SteadyClock::now());
        continue;
      }
      std::uint64_t expirations = 0;
      (void)!::read(timer.get(), &expirations, sizeof expirations);
    }
  }

  // Call i is due at begun + (k + i / calls) * 20 ms, for every k.
  void send_due(TimePoint begun) {
    const auto calls = static_cast<std::int64_t>(lines.size());
    for (TimePoint now = SteadyClock::now();;) {
      const TimePoint due = begun + frame_period * ticks / calls;
      if (due > now) return;
      if (measures.is_counting) measures.client_lateness.add(std::chrono::duration<double, std::milli>(now - due).count());
      lines[static_cast<std::size_t>(ticks++ % calls)]->tick(now);
      now = SteadyClock::now();
    }
  }

  void open_due(TimePoint begun, const Address& address) {
    const double passed_s = std::chrono::duration<double>(SteadyClock::now() - begun).count();
    while (opened < lines.size() && static_cast<double>(opened) <= passed_s * options.ramp_calls_per_s)
      lines[opened++]->wire().open(address, request);
  }

  FleetOptions options;
  Measures& measures;
  Descriptor epoll, timer;
  std::string request;
  std::vector<std::unique_ptr<Line>> lines;
  std::int64_t ticks = 0;
  std::size_t opened = 0;
};

Fleet::Fleet(FleetOptions options, const CallerOptions& caller_options, const Speech& speech, Measures& measures, unsigned seed)
    : impl_(std::make_unique<Impl>(std::move(options), caller_options, speech, measures, seed)) {}
Fleet::~Fleet() = default;

Status Fleet::run(const std::function<void(bool)>& on_measure) {
  const auto address = resolve(impl_->options.host, impl_->options.port);
  if (!address) return address.error();
  if (auto started = impl_->start_timer(); !started) return started;
  const TimePoint begun = SteadyClock::now();
  const auto ramp = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(static_cast<double>(impl_->lines.size()) / impl_->options.ramp_calls_per_s));
  const TimePoint measure_from = begun + ramp + impl_->options.warm_up, end = measure_from + impl_->options.measured;
  while (SteadyClock::now() < end) {
    impl_->open_due(begun, *address);
    impl_->wait();
    impl_->send_due(begun);
    if (impl_->measures.is_counting || SteadyClock::now() < measure_from) continue;
    if (open_calls() == 0) return Error{Errc::unavailable, "no call is open"};
    on_measure(true);
    impl_->measures.is_counting = true;
  }
  impl_->measures.is_counting = false;
  on_measure(false);
  return {};
}

std::size_t Fleet::open_calls() const {
  std::size_t open = 0;
  for (const auto& line : impl_->lines) open += line->wire().is_open();
  return open;
}

}  // namespace repartee::bench
