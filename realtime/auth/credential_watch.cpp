#include "realtime/auth/credential_watch.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

namespace repartee::auth {
namespace {

struct Watcher {
  Loop& loop;
  const std::string user_id;
  Task on_revoked;  // touched on the loop only, once the watch began; emptied when the handle goes
};

void tell(const std::shared_ptr<Watcher>& watcher) {
  watcher->loop.post([watcher] {
    if (auto on_revoked = std::exchange(watcher->on_revoked, nullptr)) on_revoked();
  });
}

}  // namespace

struct Revocations::Shared {
  mutable std::mutex mutex;
  std::multimap<std::string, std::shared_ptr<Watcher>> watchers;  // by payload
  std::deque<std::pair<TimePoint, std::string>> recent;           // oldest first

  bool was_revoked(const std::string& payload, TimePoint now) {
    while (!recent.empty() && now - recent.front().first > remembered_for) recent.pop_front();
    return std::any_of(recent.begin(), recent.end(), [&](const auto& entry) { return entry.second == payload; });
  }
};

class Revocations::Handle final : public Stream {
 public:
  Handle(std::shared_ptr<Shared> shared, std::vector<std::string> payloads, std::shared_ptr<Watcher> watcher)
      : shared_(std::move(shared)), payloads_(std::move(payloads)), watcher_(std::move(watcher)) {}
  ~Handle() override {
    watcher_->on_revoked = nullptr;
    std::lock_guard lock(shared_->mutex);
    for (const auto& payload : payloads_) {
      auto [at, end] = shared_->watchers.equal_range(payload);
      for (; at != end; ++at) {
        if (at->second != watcher_) continue;
        shared_->watchers.erase(at);
        break;
      }
    }
  }

 private:
  const std::shared_ptr<Shared> shared_;
  const std::vector<std::string> payloads_;
  const std::shared_ptr<Watcher> watcher_;
};

Revocations::Revocations() : shared_(std::make_shared<Shared>()) {}
Revocations::~Revocations() = default;

StreamPtr Revocations::watch(Loop& loop, const Caller& caller, Task on_revoked) {
  std::vector<std::string> payloads;
  if (!caller.credential_id.empty()) payloads.push_back(caller.credential_id);
  if (!caller.user_id.empty()) payloads.push_back("user:" + caller.user_id);
  if (payloads.empty()) return nullptr;
  auto watcher = std::make_shared<Watcher>(Watcher{loop, caller.user_id, std::move(on_revoked)});
  std::lock_guard lock(shared_->mutex);
  bool gone = false;
  for (const auto& payload : payloads) {
    shared_->watchers.emplace(payload, watcher);
    gone = gone || shared_->was_revoked(payload, loop.now());
  }
  if (gone) tell(watcher);
  return std::make_unique<Handle>(shared_, std::move(payloads), std::move(watcher));
}

void Revocations::revoked(const std::string& payload, TimePoint now) {
  std::lock_guard lock(shared_->mutex);
  shared_->recent.emplace_back(now, payload);
  if (shared_->recent.size() > remembered_max) shared_->recent.pop_front();
  auto [at, end] = shared_->watchers.equal_range(payload);
  for (; at != end; ++at) tell(at->second);
}

std::vector<Revocations::Watched> Revocations::watched() const {
  std::lock_guard lock(shared_->mutex);
  std::vector<Watched> all;
  for (const auto& [payload, watcher] : shared_->watchers)
    if (all.empty() || all.back().payload != payload) all.push_back({payload, watcher->user_id});
  return all;
}

}  // namespace repartee::auth
