#include "persistence/clone_directory.hpp"

#include "core/log.hpp"

namespace repartee::persistence {
namespace {

constexpr const char* default_name = "default";

void answer_on(Loop& loop, std::function<void(Result<CloneRecord>)> done, Result<CloneRecord> answer) {
  loop.post([done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

}  // namespace

StoredCloneDirectory::StoredCloneDirectory(Database& app, CloneRecord default_clone, Options options)
    : echos_(app),
      options_(options),
      default_id_(as_default_clone(default_clone).id),
      default_clone_(as_default_clone(std::move(default_clone))),
      pool_(std::make_unique<WorkerPool>(
          WorkerPool::Options{.name = "clones", .workers = options.workers, .queue_jobs_max = options.queue_jobs_max})) {
  refresh_default();
}

StoredCloneDirectory::~StoredCloneDirectory() = default;

bool StoredCloneDirectory::is_default(const std::string& id_or_name) const {
  return id_or_name.empty() || id_or_name == default_name || id_or_name == default_id_;
}

void StoredCloneDirectory::find(Loop& loop, std::string id_or_name, std::string user_id, std::function<void(Result<CloneRecord>)> done) {
  if (is_default(id_or_name)) return answer_default(loop, std::move(done));
  Key key{std::move(id_or_name), std::move(user_id)};
  if (auto known = remembered(key)) return answer_on(loop, std::move(done), std::move(*known));
  auto submitted = pool_->submit({
      .priority = Priority::background,
      .deadline = SteadyClock::now() + options_.deadline,
      .is_cancelled = {},
      .run =
          [this, key, done, &loop] {
            auto answer = echos_.find(key.first, key.second);
            if (answer.ok() || answer.error().code == Errc::not_found) remember(key, answer);
            answer_on(loop, done, std::move(answer));
          },
      .dropped =
          [done, &loop](Errc why) {
            answer_on(loop, done, Error{why, "looking up the clone took too long"});
          },
  });
  if (!submitted) answer_on(loop, std::move(done), submitted.error());
}

void StoredCloneDirectory::answer_default(Loop& loop, std::function<void(Result<CloneRecord>)> done) {
  bool stale = false;
  CloneRecord clone;
  {
    std::lock_guard lock(mutex_);
    clone = default_clone_;
    stale = SteadyClock::now() >= default_until_;
  }
  if (stale) refresh_default();
  answer_on(loop, std::move(done), std::move(clone));
}

void StoredCloneDirectory::refresh_default() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(refreshing_, true)) return;
  }
  const auto finish = [this](std::optional<CloneRecord> seen) {
    std::lock_guard lock(mutex_);
    refreshing_ = false;
    default_until_ = SteadyClock::now() + options_.fresh_for;
    if (seen) default_clone_ = std::move(*seen);
  };
  auto submitted = pool_->submit({.priority = Priority::background,
                                  .deadline = no_deadline,
                                  .is_cancelled = {},
                                  .run =
                                      [this, finish] {
                                        auto seen = echos_.find(default_id_, {});
                                        finish(seen.ok() ? std::optional(std::move(*seen)) : std::nullopt);
                                      },
                                  .dropped = [finish](Errc) { finish(std::nullopt); }});
  if (!submitted) finish(std::nullopt);
}

void StoredCloneDirectory::forget_all() {
  std::lock_guard lock(mutex_);
  entries_.clear();
  default_until_ = {};
}

std::optional<Result<CloneRecord>> StoredCloneDirectory::remembered(const Key& key) {
  std::lock_guard lock(mutex_);
  const auto entry = entries_.find(key);
  if (entry == entries_.end() || SteadyClock::now() >= entry->second.until) return std::nullopt;
  return entry->second.answer;
}

void StoredCloneDirectory::remember(const Key& key, const Result<CloneRecord>& answer) {
  std::lock_guard lock(mutex_);
  if (entries_.size() >= options_.entries_max) entries_.clear();
  entries_.insert_or_assign(key, Entry{answer, SteadyClock::now() + options_.fresh_for});
}

}  // namespace repartee::persistence
