// The template half of worker_pool.hpp.
#pragma once
#include <atomic>
#include <memory>

namespace repartee::detail {

// Shared by the handle (loop thread), the job (worker thread) and the posted completion (loop thread).
template <class T>
struct PoolCall final {
  std::atomic<bool> cancelled{false};
  std::function<void(Result<T>)> done;  // touched on the loop thread only, after construction
};

template <class T>
class PoolHandle final : public Stream {
 public:
  explicit PoolHandle(std::shared_ptr<PoolCall<T>> call) : call_(std::move(call)) {}
  ~PoolHandle() override { call_->cancelled = true; }

 private:
  std::shared_ptr<PoolCall<T>> call_;
};

}  // namespace repartee::detail

namespace repartee {

template <class T>
StreamPtr run_on_pool(WorkerPool& pool, Loop& loop, Priority priority, TimePoint deadline, std::function<Result<T>()> work,
                      std::function<void(Result<T>)> done, JobOwner owner) {
  auto call = std::make_shared<detail::PoolCall<T>>();
  call->done = std::move(done);
  auto deliver = [call, &loop](Result<T> result) {
    loop.post([call, result = std::make_shared<Result<T>>(std::move(result))] {
      if (call->cancelled) return;
      auto callback = std::move(call->done);  // it may destroy the handle, and with it everything it captured
      callback(std::move(*result));
    });
  };
  auto submitted = pool.submit({
      .priority = priority,
      .deadline = deadline,
      .is_cancelled = [call] { return call->cancelled.load(); },
      .run = [work = std::move(work), deliver] { deliver(work()); },
      .dropped =
          [deliver](Errc why) {
            if (why != Errc::cancelled) deliver(Error{why, why == Errc::resource_exhausted ? "the work gave way to what was more urgent" : "the work waited longer than its deadline"});
          },
      .owner = std::move(owner),
  });
  if (!submitted) deliver(submitted.error());
  return std::make_unique<detail::PoolHandle<T>>(std::move(call));
}

}  // namespace repartee
