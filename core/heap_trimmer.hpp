// Gives memory that was freed back to the system. glibc's malloc returns only what lies at the end of a heap, so after a rush of calls a server
// keeps the pages of all of them (decision 27).
// Thread contract: a thread of its own, from the constructor to the destructor. While it trims a heap, a thread that allocates from it waits:
// a few milliseconds, at most once an interval.
#pragma once
#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

#include "core/clock.hpp"

namespace repartee {

struct HeapUse {
  std::size_t resident_bytes = 0;  // of the process
  std::size_t free_bytes = 0;      // held by malloc and not in use, whether resident or not
};
HeapUse heap_use();

// Whether to trim: when the process has grown, or much was freed, since the last time. Pure.
class TrimPolicy {
 public:
  static constexpr std::size_t bytes_min = 4 * 1024 * 1024;  // less is not worth the walk
  bool is_due(const HeapUse& use) {
    left_.free_bytes = std::min(left_.free_bytes, use.free_bytes);
    return use.resident_bytes >= left_.resident_bytes + bytes_min || use.free_bytes >= left_.free_bytes + bytes_min;
  }
  void trimmed(const HeapUse& left) { left_ = left; }

 private:
  HeapUse left_;  // the least free since
};

class HeapTrimmer {
 public:
  explicit HeapTrimmer(Duration interval = std::chrono::seconds(10));
  ~HeapTrimmer();

 private:
  void work(Duration interval);

  std::mutex mutex_;
  std::condition_variable stop_asked_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace repartee
