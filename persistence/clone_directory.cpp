#include "persistence/clone_directory.hpp"

#include "core/log.hpp"

namespace repartee::persistence {
namespace {

constexpr const char* default_name = "default";

void answer_on(Loop& loop, std::function<void(Result<CloneRecord>)> done, Result<CloneRecord> answer) {
  loop.post([done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

}  // namespace

// Shared with the handles, which may outlive the directory.
struct StoredCloneDirectory::Watches {
  std::mutex mutex;
  std::multimap<std::string, Watch*> by_id;

  void tell(const std::string* id);  // null: all
};

// Lives on its loop; what is posted to it there holds `changed_` weakly, and so finds nothing once the handle is gone.
class StoredCloneDirectory::Watch final : public Stream {
 public:
  Watch(std::shared_ptr<Watches> watches, Loop& loop, const std::string& id, std::function<void()> changed)
      : watches_(std::move(watches)), loop_(loop), changed_(std::make_shared<std::function<void()>>(std::move(changed))) {
    std::lock_guard lock(watches_->mutex);
    at_ = watches_->by_id.emplace(id, this);
  }
  ~Watch() override {
    std::lock_guard lock(watches_->mutex);
    watches_->by_id.erase(at_);
  }
  void tell() {
    loop_.post([weak = std::weak_ptr(changed_)] {
      if (const auto changed = weak.lock()) (*changed)();
    });
  }

 private:
  const std::shared_ptr<Watches> watches_;
  Loop& loop_;
  const std::shared_ptr<std::function<void()>> changed_;
  std::multimap<std::string, Watch*>::iterator at_;
};

void StoredCloneDirectory::Watches::tell(const std::string* id) {
  std::lock_guard lock(mutex);
  auto [at, end] = id ? by_id.equal_range(*id) : std::pair(by_id.begin(), by_id.end());
  for (; at != end; ++at) at->second->tell();
}

StoredCloneDirectory::StoredCloneDirectory(Database& app, CloneRecord default_clone, Options options)
    : echos_(app),
      watches_(std::make_shared<Watches>()),
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
            auto answer = echos_.find_to_talk(key.first, key.second);
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
    refresh_again_ = false;
  }
  const auto finish = [this](std::optional<CloneRecord> seen) {
    bool again = false, changed = false;
    {
      std::lock_guard lock(mutex_);
      refreshing_ = false;
      again = std::exchange(refresh_again_, false);
      changed = seen && *seen != default_clone_;
      default_until_ = SteadyClock::now() + options_.fresh_for;
      if (seen) default_clone_ = std::move(*seen);
    }
    if (changed) watches_->tell(&default_id_);
    if (again) refresh_default();
  };
  auto submitted = pool_->submit({.priority = Priority::background,
                                  .deadline = no_deadline,
                                  .is_cancelled = {},
                                  .run =
                                      [this, finish] {
                                        auto seen = echos_.find_to_talk(default_id_, {});
                                        finish(seen.ok() ? std::optional(std::move(*seen)) : std::nullopt);
                                      },
                                  .dropped = [finish](Errc) { finish(std::nullopt); }});
  if (!submitted) finish(std::nullopt);
}

StreamPtr StoredCloneDirectory::watch(Loop& loop, const std::string& id, std::function<void()> changed) {
  return std::make_unique<Watch>(watches_, loop, id, std::move(changed));
}

// What is remembered of others goes too: a name may mean another clone now.
void StoredCloneDirectory::forget(const std::string& id) {
  forget_answers();
  if (id == default_id_) refresh_default();
  watches_->tell(&id);
}

void StoredCloneDirectory::forget_all() {
  forget_answers();
  refresh_default();
  watches_->tell(nullptr);
}

void StoredCloneDirectory::forget_answers() {
  std::lock_guard lock(mutex_);
  entries_.clear();
  default_until_ = {};
  refresh_again_ = refreshing_;
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
