#include "pipeline/providers/tts_call.hpp"

#include <algorithm>
#include <cmath>
#include <exception>

namespace repartee::pipeline {
namespace {

class Handle final : public Stream {
 public:
  Handle(std::shared_ptr<TtsCall> call, std::shared_ptr<TtsCallbacks> callbacks)
      : call_(std::move(call)), callbacks_(std::move(callbacks)) {}
  ~Handle() override { call_->cancel(); }

 private:
  const std::shared_ptr<TtsCall> call_;
  const std::shared_ptr<TtsCallbacks> callbacks_;
};

Status guarded(const std::function<Status(TtsCall&)>& work, TtsCall& call) {
  try {
    return work(call);
  } catch (const std::exception& failure) { return Error{Errc::internal, std::string("speech synthesis failed: ") + failure.what()}; }
}

}  // namespace

void TtsCall::chunk(SpeechChunk chunk) {
  if (cancelled_) return;
  loop_.post([weak = callbacks_, shared = std::make_shared<SpeechChunk>(std::move(chunk))] {
    if (const auto callbacks = weak.lock(); callbacks && callbacks->on_chunk) callbacks->on_chunk(std::move(*shared));
  });
}

void TtsCall::end(Status status) {
  if (cancelled_) return;
  loop_.post([weak = callbacks_, status = std::move(status)] {
    if (const auto callbacks = weak.lock(); callbacks && callbacks->on_end) callbacks->on_end(status);
  });
}

void TtsCall::on_cancel(std::function<void()> interrupt) {
  std::lock_guard lock(mutex_);
  interrupt_ = std::move(interrupt);
  if (cancelled_ && interrupt_) interrupt_();
}

void TtsCall::cancel() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (interrupt_) interrupt_();
}

StreamPtr start_tts_call(WorkerPool& pool, Loop& loop, TtsUrgency urgency, TtsCallbacks callbacks, std::function<Status(TtsCall&)> work) {
  auto owned = std::make_shared<TtsCallbacks>(std::move(callbacks));
  auto call = std::make_shared<TtsCall>(loop, owned);
  auto submitted = pool.submit({
      .priority = urgency.priority,
      .deadline = urgency.deadline,
      .is_cancelled = [call] { return call->cancelled(); },
      .run = [call, work = std::move(work)] { call->end(guarded(work, *call)); },
      .dropped =
          [call](Errc why) {
            call->end(Error{why, why == Errc::resource_exhausted ? "the clause gave way to what was more urgent"
                                                                 : "the clause waited for a free speech worker longer than its deadline"});
          },
      .owner = std::move(urgency.job),
  });
  if (!submitted) call->end(submitted);
  return std::make_unique<Handle>(std::move(call), std::move(owned));
}

double speaking_speed(double asked) {
  constexpr double speed_min = 0.25, speed_max = 1.5;
  return std::isfinite(asked) && asked > 0 ? std::clamp(asked, speed_min, speed_max) : 1.0;
}

StreamPtr refuse_tts_call(Loop& loop, TtsCallbacks callbacks, Error error) {
  auto owned = std::make_shared<TtsCallbacks>(std::move(callbacks));
  auto call = std::make_shared<TtsCall>(loop, owned);
  call->end(std::move(error));
  return std::make_unique<Handle>(std::move(call), std::move(owned));
}

}  // namespace repartee::pipeline
