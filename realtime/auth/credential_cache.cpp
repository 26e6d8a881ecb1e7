#include "realtime/auth/credential_cache.hpp"

#include <list>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/worker_pool.hpp"

namespace repartee::auth {
namespace {

using Done = std::function<void(Result<Caller>)>;

bool concerns(const Caller& caller, const std::string& payload) {
  return caller.credential_id == payload || (payload.starts_with("user:") && payload.compare(5, payload.npos, caller.user_id) == 0);
}

}  // namespace

struct CredentialCache::Impl {
  struct Entry {
    Result<Caller> result;
    TimePoint until;
    std::list<std::string>::iterator age;
  };
  struct Waiter {
    Loop& loop;
    Done done;
  };
  struct Question {
    Credential credential;
    TimePoint at;
    std::uint64_t generation = 0;
  };

  Impl(Find find_it, Options wishes, Metrics& metrics)
      : find(std::move(find_it)),
        options(wishes),
        hits(metrics.counter("repartee_credential_lookups_total", "credentials looked up", {{"from", "memory"}})),
        misses(metrics.counter("repartee_credential_lookups_total", "credentials looked up", {{"from", "database"}})),
        pool({.name = "credentials", .workers = options.workers, .queue_jobs_max = options.waiting_max}) {}

  // Under the mutex. An entry that is not good any more is as none.
  std::optional<Result<Caller>> remembered(const std::string& name, TimePoint now) {
    const auto at = entries.find(name);
    if (at == entries.end() || at->second.until <= now) return std::nullopt;
    const auto& result = at->second.result;
    const bool expired = result && result->expires_at && *result->expires_at <= options.wall_now();
    if (expired) return Error{Errc::unauthenticated, "the key has expired"};
    return result;
  }

  void remember(const std::string& name, const Result<Caller>& result, TimePoint now) {
    const bool refused = !result && result.error().code == Errc::unauthenticated;
    if (!result && !refused) return;
    drop(name);
    while (entries.size() >= options.entries_max) drop(std::string(ages.front()));
    ages.push_back(name);
    entries.emplace(name, Entry{result, now + (refused ? options.refusal_kept_for : options.kept_for), std::prev(ages.end())});
  }

  void drop(const std::string& name) {
    const auto at = entries.find(name);
    if (at == entries.end()) return;
    ages.erase(at->second.age);
    entries.erase(at);
  }

  void ask(Question question) {
    misses.add();
    const auto asked = std::make_shared<const Question>(std::move(question));
    auto submitted = pool.submit({.deadline = SteadyClock::now() + options.patience,
                                  .is_cancelled = nullptr,
                                  .run = [this, asked] { settle(*asked, find(asked->credential)); },
                                  .dropped =
                                      [this, asked](Errc why) {
                                        if (why != Errc::cancelled) settle(*asked, Error{Errc::unavailable, "the key could not be looked up in time"});
                                      }});
    if (!submitted) settle(*asked, submitted.error());
  }

  // Tells everybody who waits for the same.
  void settle(const Question& question, const Result<Caller>& result) {
    const auto& name = question.credential.name;
    std::vector<Waiter> told;
    {
      std::lock_guard lock(mutex);
      if (question.generation == generation) remember(name, result, question.at);  // else something was revoked meanwhile, perhaps this
      const auto at = waiting.find(name);
      if (at == waiting.end()) return;
      told = std::move(at->second);
      waiting.erase(at);
      waiters -= told.size();
    }
    for (auto& waiter : told) waiter.loop.post([done = std::move(waiter.done), result] { done(result); });
  }

  const Find find;
  const Options options;
  Counter& hits;
  Counter& misses;
  std::mutex mutex;
  std::unordered_map<std::string, Entry> entries;
  std::list<std::string> ages;  // oldest first
  std::unordered_map<std::string, std::vector<Waiter>> waiting;
  std::size_t waiters = 0;
  std::uint64_t generation = 0;  // counts what was forgotten
  WorkerPool pool;               // last: its jobs end before what they use goes
};

CredentialCache::CredentialCache(Find find, Options options, Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(find), options, metrics)) {}
CredentialCache::~CredentialCache() = default;

void CredentialCache::find(Loop& loop, const Credential& credential, Done done) {
  std::optional<Result<Caller>> known;
  bool ask = false, full = false;
  Impl::Question question{credential, loop.now()};
  {
    std::lock_guard lock(impl_->mutex);
    known = impl_->remembered(credential.name, question.at);
    full = !known && impl_->waiters >= impl_->options.waiting_max;
    if (!known && !full) {
      auto& waiters = impl_->waiting[credential.name];
      ask = waiters.empty();
      waiters.push_back({loop, std::move(done)});
      ++impl_->waiters;
      question.generation = impl_->generation;
    }
  }
  if (known) {
    impl_->hits.add();
    return done(std::move(*known));
  }
  if (full) return done(Error{Errc::resource_exhausted, "too many keys are being looked up; try again shortly"});
  if (ask) impl_->ask(std::move(question));
}

void CredentialCache::forget(const std::string& payload) {
  std::lock_guard lock(impl_->mutex);
  ++impl_->generation;
  std::vector<std::string> gone;
  for (const auto& [name, entry] : impl_->entries)
    if (entry.result ? concerns(*entry.result, payload) : payload.starts_with("user:")) gone.push_back(name);  // a refused user may be back
  for (const auto& name : gone) impl_->drop(name);
}

void CredentialCache::forget_all() {
  std::lock_guard lock(impl_->mutex);
  ++impl_->generation;
  impl_->entries.clear();
  impl_->ages.clear();
}

void CredentialCache::run(std::function<void()> work) {
  auto submitted = impl_->pool.submit({.is_cancelled = nullptr, .run = std::move(work), .dropped = [](Errc) {}});
  static_cast<void>(submitted);  // full: whoever asks is behind anyway
}

}  // namespace repartee::auth
