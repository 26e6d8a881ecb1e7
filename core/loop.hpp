// A single-threaded event loop, which is the strand of every session that lives on it. The real one is an Asio io_context
// (one per core, see AsioLoops); tests drive tests/support/manual_loop.hpp with a clock of their own.
// Thread contract: post() from any thread; now(), after() and timers on the loop's own thread only.
#pragma once
#include <functional>
#include <memory>

#include "core/clock.hpp"

namespace repartee {

using Task = std::function<void()>;

// Owning handle of something under way: destroying it cancels it, and none of its callbacks runs afterwards.
// Must be destroyed on the loop its callbacks run on. May be destroyed from inside its own callback.
class Stream {
 public:
  virtual ~Stream() = default;
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};
using StreamPtr = std::unique_ptr<Stream>;

class Loop {
 public:
  virtual ~Loop() = default;
  virtual void post(Task task) = 0;                              // any thread; tasks run in the order posted
  virtual TimePoint now() const = 0;                             // steady
  virtual StreamPtr after(Duration delay, Task task) = 0;        // one shot; destroying the handle cancels
};

}  // namespace repartee
