// A fixed number of threads for work that must not run on a loop (inference, files). The queue is bounded, jobs carry a
// priority and a deadline: what is late when its turn comes is dropped, not run.
// Thread contract: submit() from any thread. `run` runs on a worker. Exactly one of run and dropped is called, each job, once.
#pragma once
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/loop.hpp"
#include "core/result.hpp"

namespace repartee {

// In order of urgency: a turn waits for final recognition, a listener for a reply's next clause, nobody for a caption.
enum class Priority { final_transcript = 0, first_audio = 1, next_audio = 2, speculation = 3, partial_transcript = 4, background = 5 };

class WorkerPool {
 public:
  struct Options {
    std::string name = "worker";        // thread names: name-0, name-1 ...
    std::size_t workers = 2;
    std::size_t queue_jobs_max = 256;   // submit says resource_exhausted beyond
  };
  struct Job {
    Priority priority = Priority::background;
    TimePoint deadline = no_deadline;             // not started by then: dropped with deadline_exceeded
    std::function<bool()> is_cancelled;           // optional; asked before the start
    std::function<void()> run;
    std::function<void(Errc)> dropped;            // deadline_exceeded, cancelled; runs on a worker
  };

  explicit WorkerPool(Options options);
  ~WorkerPool();                       // running jobs finish, queued ones are dropped as cancelled
  Status submit(Job job);
  std::size_t queued() const;
  std::size_t workers() const { return threads_.size(); }

 private:
  void work(std::size_t index);

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::multimap<Priority, Job> queue_;   // equal priorities keep their order
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// Runs `work` on the pool and `done` on the loop with its result. Destroying the returned handle cancels: `work` is not
// started if still queued (running work finishes unheard), and `done` is not called. `done` also hears of a full queue, a missed
// deadline. T must be movable.
template <class T>
StreamPtr run_on_pool(WorkerPool& pool, Loop& loop, Priority priority, TimePoint deadline, std::function<Result<T>()> work,
                      std::function<void(Result<T>)> done);

}  // namespace repartee

#include "core/worker_pool_inl.hpp"
