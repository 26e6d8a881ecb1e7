#include "core/worker_pool.hpp"

#include <pthread.h>



namespace repartee {

WorkerPool::WorkerPool(Options options) : options_(std::move(options)) {
  for (std::size_t i = 0; i < options_.workers; ++i) threads_.emplace_back([this, i] { work(i); });
}

WorkerPool::~WorkerPool() {
  std::multimap<Priority, Job> left;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    left.swap(queue_);
  }
  ready_.notify_all();
  for (auto& [priority, job] : left)
    if (job.dropped) job.dropped(Errc::cancelled);
  for (auto& thread : threads_) thread.join();
}

Status WorkerPool::submit(Job job) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return Error{Errc::unavailable, options_.name + " pool is stopping"};
    if (queue_.size() >= options_.queue_jobs_max) return Error{Errc::resource_exhausted, options_.name + " pool's queue is full"};
    queue_.emplace(job.priority, std::move(job));
  }
  ready_.notify_one();
  return {};
}

std::size_t WorkerPool::queued() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

void WorkerPool::work(std::size_t index) {
  pthread_setname_np(pthread_self(), (options_.name.substr(0, 12) + "-" + std::to_string(index)).c_str());
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      job = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
    }
    Errc skip = Errc::ok;
    if (job.is_cancelled && job.is_cancelled()) skip = Errc::cancelled;
    else if (SteadyClock::now() > job.deadline) skip = Errc::deadline_exceeded;
    if (skip != Errc::ok) {
      if (job.dropped) job.dropped(skip);
      continue;
    }
    job.run();
  }
}

}  // namespace repartee
