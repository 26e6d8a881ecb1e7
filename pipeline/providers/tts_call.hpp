// What every speech engine that runs on a WorkerPool shares: one request on its way from the loop to a worker and its audio back.
// Thread contract: start_tts_call() and the handle's destruction on the loop; TtsCall's members from the worker that runs the request.
// The callbacks live in an object only the loop's thread ever owns: when the handle goes, they go, whatever the worker still does.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

#include "pipeline/providers.hpp"

namespace repartee::pipeline {

class TtsCall {
 public:
  TtsCall(Loop& loop, std::weak_ptr<TtsCallbacks> callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}

  bool cancelled() const { return cancelled_; }
  void chunk(SpeechChunk chunk);
  void end(Status status);  // the last call

  // What cancel() does beside raising the flag, while a run that cannot look at the flag is under way; {} afterwards.
  // Called at once when the request is cancelled already.
  void on_cancel(std::function<void()> interrupt);
  void cancel();

 private:
  Loop& loop_;
  const std::weak_ptr<TtsCallbacks> callbacks_;
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  std::function<void()> interrupt_;  // guarded by mutex_
};

struct TtsUrgency {  // as TtsRequest says
  Priority priority;
  TimePoint deadline;
  JobOwner job;
};

// Runs `work` on the pool; what it returns is the request's end. A full queue, a missed deadline and an exception end it with an error.
StreamPtr start_tts_call(WorkerPool& pool, Loop& loop, TtsUrgency urgency, TtsCallbacks callbacks, std::function<Status(TtsCall&)> work);

// A request's speed within what the contract allows; anything that is no such number is 1.
double speaking_speed(double asked);

// Ends with `error` without any work (a request that cannot be served).
StreamPtr refuse_tts_call(Loop& loop, TtsCallbacks callbacks, Error error);

}  // namespace repartee::pipeline
