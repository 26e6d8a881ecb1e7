// A fixed number of threads for work that must not run on a loop (inference, files). The queue is bounded, jobs carry a
// priority and a deadline: what is late when its turn comes is dropped, not run; a full queue gives up what is less urgent than what comes.
// Among jobs of equal urgency callers take turns (start-time fair queueing, Goyal, Vin, Cheng 1996, with every job of the same size):
// one who asks for much waits for himself, not the others for him.
// Thread contract: submit() from any thread. `run` runs on a worker. Exactly one of run and dropped is called, each job, once.
#pragma once
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/loop.hpp"
#include "core/result.hpp"

namespace repartee {

// In order of urgency: a turn waits for final recognition, a listener for a reply's next clause, nobody yet for a guess, for speech far ahead
// of what is being played, for a caption.
enum class Priority { final_transcript = 0, first_audio = 1, next_audio = 2, speculation = 3, later_audio = 4, partial_transcript = 5, background = 6 };

// How urgent a job is by now: what was begun as a guess may turn out to be waited for.
// Thread contract: every member from any thread.
class Urgency {
 public:
  void raise(Priority to) { if (to < now()) value_.store(to, std::memory_order_relaxed); }   // one thread raises
  Priority now() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<Priority> value_{Priority::background};
};

// For whom a job is.
struct JobOwner {
  std::uint64_t caller = 0;                          // takes turns with others; 0: nobody in particular, a caller of its own
  std::shared_ptr<const Urgency> urgency = nullptr;  // where it is more than the job's priority it counts; null: the priority stays
};

class WorkerPool {
 public:
  struct Options {
    std::string name = "worker";        // thread names: name-0, name-1 ...
    std::size_t workers = 2;
    std::size_t queue_jobs_max = 256;   // submit says resource_exhausted beyond
    int niceness = 0;                   // of the threads, 0 .. 19: how much they give way to others
    // Turns come first: one worker (where there are several) never takes what nobody waits for, and one thread more takes final transcripts
    // only, which are short and must not wait for a long clause.
    bool serves_turns = false;
  };
  struct Job {
    Priority priority = Priority::background;
    TimePoint deadline = no_deadline;             // not started by then: dropped with deadline_exceeded
    std::function<bool()> is_cancelled;           // optional; asked before the start
    std::function<void()> run;
    std::function<void(Errc)> dropped;            // deadline_exceeded, cancelled; resource_exhausted: for a more urgent one, on that one's thread
    JobOwner owner = {};
  };

  explicit WorkerPool(Options options);
  ~WorkerPool();                       // running jobs finish, queued ones are dropped as cancelled
  Status submit(Job job);
  std::size_t queued() const;
  std::size_t workers() const { return options_.workers; }

  struct Usage {                       // since the last time it was asked
    Duration worst_wait{};             // of a job that a turn may wait for (final_transcript .. speculation), from submit to its start; also of those still waiting
    Duration busy{};                   // time in jobs that ended, all workers together
  };
  Usage take_usage(TimePoint now);     // for one asker

 private:
  class Queue;
  void work(std::size_t index);
  Priority least_taken(bool is_express) const;
  void wait_for_work(std::unique_lock<std::mutex>& lock, bool is_express);
  static void run(Job job, TimePoint begun);

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable ready_, express_ready_;
  std::unique_ptr<Queue> queue_;
  Usage usage_;
  std::size_t unhurried_ = 0;          // workers at work that nobody waits for
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// Runs `work` on the pool and `done` on the loop with its result. Destroying the returned handle cancels: `work` is not
// started if still queued (running work finishes unheard), and `done` is not called. `done` also hears of a full queue, a missed
// deadline. T must be movable.
template <class T>
StreamPtr run_on_pool(WorkerPool& pool, Loop& loop, Priority priority, TimePoint deadline, std::function<Result<T>()> work,
                      std::function<void(Result<T>)> done, JobOwner owner = {});

}  // namespace repartee

#include "core/worker_pool_inl.hpp"
