#include "cache/tiered.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace repartee::cache {
namespace {

// One who asked, and where to answer. The handle and the callback meet on the asker's loop; the flight only posts to it.
struct Waiter {
  Waiter(Loop& l, TieredCache::Done d) : loop(l), done(std::move(d)) {}
  Loop& loop;
  TieredCache::Done done;
  std::atomic<bool> cancelled{false};

  static void answer(const std::shared_ptr<Waiter>& waiter, Result<Bytes> result, Source source) {
    waiter->loop.post([waiter, result = std::move(result), source] {
      if (waiter->cancelled) return;
      const auto done = std::move(waiter->done);  // it may destroy the handle, and with it what it captured
      done(result, source);
    });
  }
};

// One key being loaded, for everybody who wants it meanwhile.
struct Flight {
  Flight(Loop& l, Kind k, std::string name, TieredCache::Loader work) : loop(l), kind(k), key(std::move(name)), loader(std::move(work)) {}
  Loop& loop;  // the first asker's
  const Kind kind;
  const std::string key;
  // On `loop` only.
  TieredCache::Loader loader;
  StreamPtr load, load_timer, patience_timer;
  bool second_pending = false, loading = false, settled = false;
  std::optional<Error> load_error;
  // Under State::mutex.
  std::vector<std::shared_ptr<Waiter>> waiters;
  bool refresh = false;  // nobody needs to wait for it
  bool stale = false;    // invalidated meanwhile
};
using FlightPtr = std::shared_ptr<Flight>;

// One question to the second tier.
struct Asking {
  std::function<void(Bytes)> done;
  StreamPtr timer;

  void answer(Bytes value) {
    timer.reset();
    if (auto callback = std::exchange(done, nullptr)) callback(std::move(value));
  }
};

}  // namespace

struct TieredCache::State : std::enable_shared_from_this<State> {
  State(Options o, SecondTier* s, Metrics& metrics)
      : options(std::move(o)),
        l1(options.l1, metrics),
        second(s),
        shared(metrics.counter("repartee_cache_shared_loads_total", "askers who joined a load that was under way")),
        refreshes(metrics.counter("repartee_cache_refreshes_total", "values renewed before they expired")),
        late(metrics.counter("repartee_cache_l2_late_total", "answers of the second tier that nobody waited for any more")) {}

  const KindPolicy& policy(Kind kind) const { return policy_of(options.policies, kind); }

  // ---- the second tier, which may be gone before us ----
  template <class F>
  bool with_second(Kind kind, F&& use) {
    if (policy(kind).second == SecondTierUse::never) return false;
    std::lock_guard lock(second_mutex);
    if (!second) return false;
    use(*second);
    return true;
  }

  // ---- flights ----
  void start(const FlightPtr& flight);
  void on_second(const FlightPtr& flight, Result<std::optional<StoredValue>> answer);
  void run_loader(const FlightPtr& flight);
  void on_loaded(const FlightPtr& flight, Result<Bytes> result);
  void settle(const FlightPtr& flight, Result<Bytes> result, Source source, Duration ttl);
  void abandon(const FlightPtr& flight);
  void wait_for_second(const FlightPtr& flight);
  void keep(Kind kind, const std::string& key, Bytes value, TimePoint now, Duration ttl, bool in_second);

  const Options options;
  L1 l1;
  std::mutex second_mutex;
  SecondTier* second;
  Counter& shared;
  Counter& refreshes;
  Counter& late;
  std::mutex mutex;  // before a shard's and before second_mutex
  std::unordered_map<std::string, FlightPtr> flights;
  std::uint64_t invalidations = 0;  // under mutex
  // The thread that tells hit counts.
  std::condition_variable stop_flushing;
  bool stopping = false;  // under mutex
  std::thread flusher;
};

namespace {

// Destroyed on the asker's loop.
class AskHandle final : public Stream {
 public:
  explicit AskHandle(std::shared_ptr<Asking> asking) : asking_(std::move(asking)) {}
  ~AskHandle() override {
    asking_->timer.reset();
    asking_->done = nullptr;
  }

 private:
  const std::shared_ptr<Asking> asking_;
};

class GetHandle final : public Stream {
 public:
  GetHandle(std::shared_ptr<Waiter> waiter, std::function<void()> gone) : waiter_(std::move(waiter)), gone_(std::move(gone)) {}
  ~GetHandle() override {
    waiter_->cancelled = true;
    waiter_->done = nullptr;
    if (gone_) gone_();
  }

 private:
  const std::shared_ptr<Waiter> waiter_;
  const std::function<void()> gone_;
};

}  // namespace

// ---- flights ----

void TieredCache::State::start(const FlightPtr& flight) {
  const auto use = policy(flight->kind).second;
  flight->second_pending = !flight->refresh && with_second(flight->kind, [&](SecondTier& tier) {
    tier.get(
        flight->kind, flight->key,
        [weak_state = weak_from_this(), weak = std::weak_ptr(flight), &loop = flight->loop](Result<std::optional<StoredValue>> answer) {
          loop.post([weak_state, weak, answer = std::make_shared<decltype(answer)>(std::move(answer))] {
            const auto state = weak_state.lock();
            const auto waiting = weak.lock();
            if (state && waiting) state->on_second(waiting, std::move(*answer));
          });
        });
  });
  if (flight->second_pending && use == SecondTierUse::before) wait_for_second(flight);
  else run_loader(flight);
}

void TieredCache::State::wait_for_second(const FlightPtr& flight) {
  flight->patience_timer = flight->loop.after(policy(flight->kind).patience, [this, weak = std::weak_ptr(flight)] {
    if (const auto waiting = weak.lock()) on_second(waiting, Error{Errc::deadline_exceeded, "the second tier is late"});
  });
}

void TieredCache::State::on_second(const FlightPtr& flight, Result<std::optional<StoredValue>> answer) {
  if (flight->settled) return;
  if (!flight->second_pending) return late.add();
  flight->second_pending = false;
  flight->patience_timer.reset();
  if (answer && *answer) {
    auto value = std::make_shared<const std::string>(std::move((*answer)->bytes));
    return settle(flight, Bytes(std::move(value)), Source::second_tier, (*answer)->left);
  }
  if (flight->load_error) return settle(flight, *flight->load_error, Source::loader, {});
  if (!flight->loading) run_loader(flight);
}

void TieredCache::State::run_loader(const FlightPtr& flight) {
  flight->loading = true;
  const std::weak_ptr weak(flight);
  const auto loaded = [weak_state = weak_from_this(), weak](Result<Bytes> result) {
    const auto state = weak_state.lock();
    const auto waiting = weak.lock();
    if (state && waiting) state->on_loaded(waiting, std::move(result));
  };
  flight->load_timer = flight->loop.after(policy(flight->kind).load_timeout, [loaded] {
    loaded(Error{Errc::deadline_exceeded, "what was asked for took too long to load"});
  });
  flight->load = flight->loader(flight->loop, loaded);
}

void TieredCache::State::on_loaded(const FlightPtr& flight, Result<Bytes> result) {
  if (flight->settled || flight->load_error) return;
  flight->load.reset();
  flight->load_timer.reset();
  if (!result && flight->second_pending) {  // the second tier may still save the day
    flight->load_error = result.error();
    return wait_for_second(flight);
  }
  settle(flight, std::move(result), Source::loader, policy(flight->kind).ttl);
}

void TieredCache::State::settle(const FlightPtr& flight, Result<Bytes> result, Source source, Duration ttl) {
  flight->settled = true;
  flight->load.reset();
  flight->load_timer.reset();
  flight->patience_timer.reset();
  flight->loader = nullptr;
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    std::lock_guard lock(mutex);  // also while keeping: an invalidation comes before it or after it, not in between
    if (const auto at = flights.find(flight->key); at != flights.end() && at->second == flight) flights.erase(at);
    waiters.swap(flight->waiters);
    if (result && !flight->stale) keep(flight->kind, flight->key, *result, flight->loop.now(), ttl, source == Source::loader);
  }
  for (const auto& waiter : waiters) Waiter::answer(waiter, result, source);
}

void TieredCache::State::keep(Kind kind, const std::string& key, Bytes value, TimePoint now, Duration ttl, bool in_second) {
  const KindPolicy& policy_here = policy(kind);
  if (!value) {
    l1.put(key, nullptr, now, policy_here.negative_ttl);
    return;
  }
  if (value->size() > policy_here.value_bytes_max) return;
  l1.put(key, value, now, ttl);
  if (in_second) with_second(kind, [&](SecondTier& tier) { tier.put(kind, key, std::move(value), ttl); });
}

// On the flight's loop: ends it when nobody waits for it any more.
void TieredCache::State::abandon(const FlightPtr& flight) {
  if (flight->settled) return;
  {
    std::lock_guard lock(mutex);
    if (flight->refresh || !std::all_of(flight->waiters.begin(), flight->waiters.end(), [](const auto& w) { return w->cancelled.load(); }))
      return;
    if (const auto at = flights.find(flight->key); at != flights.end() && at->second == flight) flights.erase(at);
  }
  flight->settled = true;
  flight->load.reset();
  flight->load_timer.reset();
  flight->patience_timer.reset();
}

// ---- the front ----

TieredCache::TieredCache(Options options, SecondTier* second, Metrics& metrics)
    : state_(std::make_shared<State>(std::move(options), second, metrics)) {
  if (state_->options.flush_interval <= Duration::zero()) return;
  state_->flusher = std::thread([this] {
    std::unique_lock lock(state_->mutex);
    while (!state_->stop_flushing.wait_for(lock, state_->options.flush_interval, [this] { return state_->stopping; })) {
      lock.unlock();
      flush_hits();
      lock.lock();
    }
  });
}

TieredCache::~TieredCache() {
  std::unordered_map<std::string, FlightPtr> flights;
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    flights.swap(state_->flights);
  }
  state_->stop_flushing.notify_all();
  if (state_->flusher.joinable()) state_->flusher.join();
  flush_hits();
  std::lock_guard lock(state_->second_mutex);
  state_->second = nullptr;
}

StreamPtr TieredCache::get(Loop& loop, Kind kind, const std::string& key, Loader loader, Done done) {
  auto waiter = std::make_shared<Waiter>(loop, std::move(done));
  const auto hit = peek(kind, key, loop.now());
  if (hit) {
    Waiter::answer(waiter, hit->value, Source::memory);
    if (!hit->wants_refresh) return std::make_unique<GetHandle>(std::move(waiter), nullptr);
  }
  FlightPtr flight;
  bool began = false;
  {
    std::lock_guard lock(state_->mutex);
    auto& present = state_->flights[key];
    began = !present;
    if (began) present = std::make_shared<Flight>(loop, kind, key, std::move(loader));
    flight = present;
    if (!hit) flight->waiters.push_back(waiter);
    else if (began) flight->refresh = true;
  }
  if (began) {
    if (hit) state_->refreshes.add();
    state_->start(flight);
  } else {
    state_->shared.add();
  }
  if (hit) return std::make_unique<GetHandle>(std::move(waiter), nullptr);
  return std::make_unique<GetHandle>(std::move(waiter), [weak_state = std::weak_ptr(state_), weak = std::weak_ptr(flight)] {
    const auto wanted = weak.lock();
    if (!wanted) return;
    wanted->loop.post([weak_state, weak] {
      const auto state = weak_state.lock();
      const auto present = weak.lock();
      if (state && present) state->abandon(present);
    });
  });
}

std::optional<L1::Hit> TieredCache::peek(Kind kind, std::string_view key, TimePoint now) {
  return state_->l1.get(key, now, state_->policy(kind).refresh_hits_min);
}

StreamPtr TieredCache::ask(Loop& loop, Kind kind, const std::string& key, std::function<void(Bytes)> done) {
  auto asking = std::make_shared<Asking>();
  asking->done = std::move(done);
  const std::weak_ptr weak(asking);
  const auto answer = [weak](Bytes value) {
    if (const auto waiting = weak.lock()) waiting->answer(std::move(value));
  };
  std::uint64_t invalidations = 0;
  {
    std::lock_guard lock(state_->mutex);
    invalidations = state_->invalidations;
  }
  const auto found = [weak_state = std::weak_ptr(state_), &loop, kind, key, invalidations, weak,
                      answer](Result<std::optional<StoredValue>> stored) {
    loop.post([=, &loop, stored = std::make_shared<decltype(stored)>(std::move(stored))] {
      Bytes value;
      if (*stored && **stored) value = std::make_shared<const std::string>(std::move((**stored)->bytes));
      if (const auto state = weak_state.lock(); state && value) {
        std::lock_guard lock(state->mutex);
        if (state->invalidations == invalidations) state->keep(kind, key, value, loop.now(), (**stored)->left, false);
      }
      answer(std::move(value));
    });
  };
  asking->timer = loop.after(state_->policy(kind).patience, [answer] { answer(nullptr); });
  if (!state_->with_second(kind, [&](SecondTier& tier) { tier.get(kind, key, found); })) loop.post([answer] { answer(nullptr); });
  return std::make_unique<AskHandle>(std::move(asking));
}

void TieredCache::put(Kind kind, const std::string& key, Bytes value, TimePoint now) {
  std::lock_guard lock(state_->mutex);
  state_->keep(kind, key, std::move(value), now, state_->policy(kind).ttl, true);
}

void TieredCache::forget_here(std::string_view prefix) {
  std::lock_guard lock(state_->mutex);
  ++state_->invalidations;
  for (const auto& [key, flight] : state_->flights)
    if (key.starts_with(prefix)) flight->stale = true;
  state_->l1.erase_prefix(prefix);
}

void TieredCache::invalidate(const std::string& prefix) {
  forget_here(prefix);
  std::lock_guard lock(state_->second_mutex);
  if (state_->second) state_->second->remove_prefix(prefix);
}

void TieredCache::forget_owner(const std::string& user_id) {
  if (user_id.empty()) return;
  for (const auto& prefix : prefixes_of(state_->options.policies, user_id)) invalidate(prefix);
}

void TieredCache::warm(TimePoint now) {
  const auto budget = static_cast<std::size_t>(static_cast<double>(state_->options.l1.bytes_max) * state_->options.warm_share);
  for (std::size_t i = 0; i < kinds_count; ++i) {
    const auto kind = static_cast<Kind>(i);
    state_->with_second(kind, [&](SecondTier& tier) {
      tier.most_used(kind, state_->options.warm_entries_max, budget,
                     [weak = std::weak_ptr(state_), now](const std::string& key, StoredValue value) {
                       if (const auto state = weak.lock())
                         state->l1.put(key, std::make_shared<const std::string>(std::move(value.bytes)), now, value.left);
                     });
    });
  }
}

void TieredCache::flush_hits() {
  for (const auto& used : state_->l1.take_hits(state_->options.flush_entries_max)) {
    const std::string_view category = std::string_view(used.key).substr(0, used.key.find(':'));
    for (std::size_t i = 0; i < kinds_count; ++i)
      if (state_->options.policies[i].category == category)
        state_->with_second(static_cast<Kind>(i), [&](SecondTier& tier) { tier.add_hits(static_cast<Kind>(i), used.key, used.hits); });
  }
}

const Policies& TieredCache::policies() const { return state_->options.policies; }
const L1& TieredCache::l1() const { return state_->l1; }

}  // namespace repartee::cache
