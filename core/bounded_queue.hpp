// A queue between threads that never grows past its limit: push says no instead.
// Thread contract: every member from any thread.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "core/clock.hpp"

namespace repartee {

template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t items_max) : items_max_(items_max) {}

  bool try_push(T item) {  // false: full or closed
    {
      std::lock_guard lock(mutex_);
      if (closed_ || items_.size() >= items_max_) return false;
      items_.push_back(std::move(item));
    }
    ready_.notify_one();
    return true;
  }

  // Waits until something is there, then takes up to batch_max. Empty only when closed and drained, or at the timeout.
  std::vector<T> pop_batch(std::size_t batch_max, Duration wait_max) {
    std::unique_lock lock(mutex_);
    ready_.wait_for(lock, wait_max, [&] { return closed_ || !items_.empty(); });
    std::vector<T> batch;
    while (!items_.empty() && batch.size() < batch_max) {
      batch.push_back(std::move(items_.front()));
      items_.pop_front();
    }
    return batch;
  }

  void close() {  // no more pushes; what is inside can still be taken
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
  }
  bool closed() const { std::lock_guard lock(mutex_); return closed_; }
  std::size_t size() const { std::lock_guard lock(mutex_); return items_.size(); }

 private:
  const std::size_t items_max_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<T> items_;
  bool closed_ = false;
};

}  // namespace repartee
