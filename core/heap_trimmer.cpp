#include "core/heap_trimmer.hpp"

#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <fstream>

#include "core/log.hpp"

namespace repartee {

HeapUse heap_use() {
  HeapUse use;
  std::ifstream statm("/proc/self/statm");
  std::size_t size_pages = 0, resident_pages = 0;
  if (statm >> size_pages >> resident_pages) use.resident_bytes = resident_pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  use.free_bytes = mallinfo2().fordblks;
  return use;
}

HeapTrimmer::HeapTrimmer(Duration interval) : thread_([this, interval] { work(interval); }) {}

HeapTrimmer::~HeapTrimmer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_asked_.notify_all();
  thread_.join();
}

void HeapTrimmer::work(Duration interval) {
  pthread_setname_np(pthread_self(), "heap");
  TrimPolicy policy;
  for (std::unique_lock lock(mutex_); !stop_asked_.wait_for(lock, interval, [this] { return stopping_; });) {
    const HeapUse before = heap_use();
    if (!policy.is_due(before)) continue;
    const TimePoint begun = SteadyClock::now();
    malloc_trim(0);
    const Duration took = SteadyClock::now() - begun;
    const HeapUse left = heap_use();
    policy.trimmed(left);
    log::debug("heap", "trimmed",
               {{"before_kb", before.resident_bytes / 1024},
                {"after_kb", left.resident_bytes / 1024},
                {"us", std::chrono::duration_cast<std::chrono::microseconds>(took).count()}});
  }
}

}  // namespace repartee
