#include "core/worker_pool.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <unordered_map>

namespace repartee {
namespace {

constexpr auto least_urgent = static_cast<std::size_t>(Priority::background);
constexpr Priority waited_for = Priority::speculation;  // and what is more urgent: a turn waits for it, or may in a moment
constexpr Duration look_again = Millis(5);

}  // namespace

// Waiting jobs. Each gets a round when it comes: one after its caller's last one that still waits, at least the round being served. Taken
// is the most urgent, of these the earliest round, of these the one that came first. What has become more urgent moves over when a worker
// looks.
class WorkerPool::Queue {
 public:
  void push(Job job, TimePoint now) {
    enter(lanes_[index(priority_of(job))], {std::move(job), now}, next_number_++);
    ++size_;
  }

  // The next job that is at least that urgent.
  std::optional<Job> take(Priority least, TimePoint now, Duration& worst_wait) {
    promote();
    for (std::size_t i = 0; i <= index(least); ++i) {
      Lane& lane = lanes_[i];
      if (lane.jobs.empty()) continue;
      const auto next = lane.jobs.begin();
      lane.serving = std::max(lane.serving, next->first.first);
      if (next->second.job.priority <= waited_for) worst_wait = std::max(worst_wait, now - next->second.since);
      return remove(lane, next);
    }
    return std::nullopt;
  }

  // The least urgent job, the last of those, if it is less urgent than that.
  std::optional<Job> give_up_below(Priority priority) {
    promote();
    for (std::size_t i = least_urgent; i > index(priority); --i)
      if (!lanes_[i].jobs.empty()) return remove(lanes_[i], std::prev(lanes_[i].jobs.end()));
    return std::nullopt;
  }

  std::vector<Job> take_all() {
    std::vector<Job> jobs;
    for (Lane& lane : lanes_)
      while (!lane.jobs.empty()) jobs.push_back(remove(lane, lane.jobs.begin()));
    return jobs;
  }

  Duration longest_wait(TimePoint now) const {
    Duration longest{};
    for (std::size_t i = 0; i <= index(waited_for); ++i)
      for (const auto& [place, waiting] : lanes_[i].jobs)
        if (waiting.job.priority <= waited_for) longest = std::max(longest, now - waiting.since);
    return longest;
  }
  std::size_t size() const { return size_; }
  bool may_change() const { return changeable_ > 0; }  // something waits that may become more urgent
  bool has(Priority least) {
    promote();
    return std::any_of(lanes_.begin(), lanes_.begin() + static_cast<std::ptrdiff_t>(index(least)) + 1,
                       [](const Lane& lane) { return !lane.jobs.empty(); });
  }
  static Priority priority_of(const Job& job) {
    return job.owner.urgency ? std::min(job.priority, job.owner.urgency->now()) : job.priority;
  }

 private:
  struct Waiting {
    Job job;
    TimePoint since;
  };
  using Place = std::pair<std::uint64_t, std::uint64_t>;  // round, number
  struct Caller {
    std::uint64_t last_round = 0;
    std::size_t jobs = 0;
  };
  struct Lane {
    std::map<Place, Waiting> jobs;
    std::unordered_map<std::uint64_t, Caller> callers;  // those that have a job here
    std::uint64_t serving = 0;
  };

  static std::size_t index(Priority priority) { return static_cast<std::size_t>(priority); }

  void enter(Lane& lane, Waiting waiting, std::uint64_t number) {
    std::uint64_t round = lane.serving;
    if (waiting.job.owner.caller != 0) {
      Caller& caller = lane.callers[waiting.job.owner.caller];
      if (caller.jobs++ > 0) round = std::max(round, caller.last_round + 1);
      caller.last_round = round;
    }
    changeable_ += waiting.job.owner.urgency ? 1 : 0;
    lane.jobs.emplace(Place(round, number), std::move(waiting));
  }
  Waiting leave(Lane& lane, std::map<Place, Waiting>::iterator at) {
    Waiting waiting = std::move(at->second);
    lane.jobs.erase(at);
    changeable_ -= waiting.job.owner.urgency ? 1 : 0;
    if (const auto caller = lane.callers.find(waiting.job.owner.caller); caller != lane.callers.end() && --caller->second.jobs == 0)
      lane.callers.erase(caller);
    return waiting;
  }
  Job remove(Lane& lane, std::map<Place, Waiting>::iterator at) {
    --size_;
    return leave(lane, at).job;
  }

  void promote() {
    if (!may_change()) return;
    for (std::size_t i = 1; i < lanes_.size(); ++i) {
      for (auto at = lanes_[i].jobs.begin(); at != lanes_[i].jobs.end();) {
        const auto here = at++;
        const std::size_t wanted = index(priority_of(here->second.job));
        if (wanted >= i) continue;
        const std::uint64_t number = here->first.second;
        enter(lanes_[wanted], leave(lanes_[i], here), number);
      }
    }
  }

  std::array<Lane, least_urgent + 1> lanes_;
  std::uint64_t next_number_ = 0;
  std::size_t size_ = 0, changeable_ = 0;
};

WorkerPool::WorkerPool(Options options) : options_(std::move(options)), queue_(std::make_unique<Queue>()) {
  const std::size_t threads = options_.workers + (options_.serves_turns ? 1 : 0);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { work(i); });
}

WorkerPool::~WorkerPool() {
  std::vector<Job> left;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    left = queue_->take_all();
  }
  ready_.notify_all();
  express_ready_.notify_all();
  for (auto& job : left)
    if (job.dropped) job.dropped(Errc::cancelled);
  for (auto& thread : threads_) thread.join();
}

Status WorkerPool::submit(Job job) {
  const TimePoint now = SteadyClock::now();
  const bool may_be_express = options_.serves_turns && (job.priority == Priority::final_transcript || job.owner.urgency);
  std::optional<Job> given_up;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return Error{Errc::unavailable, options_.name + " pool is stopping"};
    if (queue_->size() >= options_.queue_jobs_max) {
      given_up = queue_->give_up_below(Queue::priority_of(job));
      if (!given_up) return Error{Errc::resource_exhausted, options_.name + " pool's queue is full"};
    }
    queue_->push(std::move(job), now);
  }
  ready_.notify_one();
  if (may_be_express) express_ready_.notify_one();
  if (given_up && given_up->dropped) given_up->dropped(Errc::resource_exhausted);
  return {};
}

std::size_t WorkerPool::queued() const {
  std::lock_guard lock(mutex_);
  return queue_->size();
}

WorkerPool::Usage WorkerPool::take_usage(TimePoint now) {
  std::lock_guard lock(mutex_);
  Usage usage = std::exchange(usage_, {});
  usage.worst_wait = std::max(usage.worst_wait, queue_->longest_wait(now));
  return usage;
}

void WorkerPool::work(std::size_t index) {
  pthread_setname_np(pthread_self(), (options_.name.substr(0, 12) + "-" + std::to_string(index)).c_str());
  // Linux keeps niceness a thread. A refusal changes nothing but how well others are served.
  if (options_.niceness > 0) (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), options_.niceness);
  const bool is_express = index >= options_.workers;
  for (;;) {
    std::optional<Job> job;
    bool is_unhurried = false;
    TimePoint begun;
    {
      std::unique_lock lock(mutex_);
      wait_for_work(lock, is_express);
      if (stopping_) return;
      begun = SteadyClock::now();
      job = queue_->take(least_taken(is_express), begun, usage_.worst_wait);
      if (!job) continue;
      is_unhurried = Queue::priority_of(*job) > waited_for;
      unhurried_ += is_unhurried ? 1 : 0;
    }
    run(std::move(*job), begun);
    std::lock_guard lock(mutex_);
    usage_.busy += SteadyClock::now() - begun;
    unhurried_ -= is_unhurried ? 1 : 0;
  }
}

// One worker is left to what turns wait for.
Priority WorkerPool::least_taken(bool is_express) const {
  if (is_express) return Priority::final_transcript;
  const bool is_kept = options_.serves_turns && options_.workers > 1 && unhurried_ + 1 >= options_.workers;
  return is_kept ? waited_for : Priority::background;
}

void WorkerPool::wait_for_work(std::unique_lock<std::mutex>& lock, bool is_express) {
  while (!stopping_ && !queue_->has(least_taken(is_express))) {
    auto& ready = is_express ? express_ready_ : ready_;
    if (queue_->may_change()) ready.wait_for(lock, look_again);  // who raises an urgency tells nobody
    else ready.wait(lock);
  }
}

void WorkerPool::run(Job job, TimePoint begun) {
  Errc skip = Errc::ok;
  if (job.is_cancelled && job.is_cancelled()) skip = Errc::cancelled;
  else if (begun > job.deadline) skip = Errc::deadline_exceeded;
  if (skip == Errc::ok) job.run();
  else if (job.dropped) job.dropped(skip);
}

}  // namespace repartee
