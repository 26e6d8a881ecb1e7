// What blocks (the database, files) on threads of its own, a bounded number of them, with a bounded queue before them. A full queue and a
// job that waited too long are `unavailable`: 503 with Retry-After, so that a flood is turned away at once instead of piling up.
// Thread contract: every member from any thread; `done` of run() runs on the loop, answer() responds from the worker. Its destruction lets
// running jobs end and turns the waiting ones away: destroy it before what they use, and before the loops.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "api/router.hpp"
#include "core/metrics.hpp"
#include "core/worker_pool.hpp"

namespace repartee::api {

class Blocking {
 public:
  struct Options {
    std::size_t workers = 4;
    std::size_t queue_jobs_max = 256;
    Duration wait_max = std::chrono::seconds(10);  // in the queue
  };
  Blocking(Options options, Metrics& metrics);

  template <class T>
  void run(Loop& loop, std::function<Result<T>()> work, std::function<void(Result<T>)> done) {
    auto call = std::make_shared<std::pair<std::function<Result<T>()>, std::function<void(Result<T>)>>>(std::move(work), std::move(done));
    submit(
        [call, &loop] {
          auto result = std::make_shared<Result<T>>(call->first());
          loop.post([call, result] { call->second(std::move(*result)); });
        },
        [call, &loop](Error busy) { loop.post([call, busy = std::move(busy)] { call->second(busy); }); });
  }

  // The usual handler: the whole request is served by `work` on a worker. An error becomes the answer that fits it.
  using Work = std::function<Result<transport::Response>(const Call& call)>;
  void answer(Call call, Work work);
  CallHandler handler(Work work);  // answer() as a handler; this outlives the router

 private:
  void submit(std::function<void()> job, std::function<void(Error)> turned_away);

  const Options options_;
  Counter& refused_;
  WorkerPool pool_;  // last: its threads end before the rest goes
};

}  // namespace repartee::api
