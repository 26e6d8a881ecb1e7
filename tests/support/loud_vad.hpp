// A Vad for tests of logic: a window is speech when it is loud. Results are posted, as the contract wants.
#pragma once
#include <cstdlib>

#include "pipeline/vad.hpp"

namespace repartee::test {

class LoudVad final : public pipeline::Vad {
 public:
  explicit LoudVad(Loop& loop) : loop_(loop) {}
  std::unique_ptr<pipeline::VadStream> open(pipeline::VadStream::Callback callback) override {
    return std::make_unique<StreamOfOne>(loop_, std::move(callback));
  }

 private:
  class StreamOfOne final : public pipeline::VadStream {
   public:
    StreamOfOne(Loop& loop, Callback callback) : loop_(loop), callback_(std::make_shared<Callback>(std::move(callback))) {}
    Status push(std::span<const std::int16_t> samples) override {
      for (const auto sample : samples) {
        loud_ += std::abs(sample) > 1000;
        if (++total_ % static_cast<std::int64_t>(pipeline::vad_window_samples) != 0) continue;
        const float probability = loud_ > static_cast<int>(pipeline::vad_window_samples) / 2 ? 0.95F : 0.02F;
        loud_ = 0;
        loop_.post([weak = std::weak_ptr(callback_), end = total_, probability] {
          if (auto callback = weak.lock()) (*callback)(end, probability);
        });
      }
      return {};
    }
    void reset() override { loud_ = 0; }

   private:
    Loop& loop_;
    std::shared_ptr<Callback> callback_;
    std::int64_t total_ = 0;
    int loud_ = 0;
  };
  Loop& loop_;
};

}  // namespace repartee::test
