// Voice activity: the probability of speech in each window of 32 ms (Silero VAD v6). The streams of one loop are run together,
// since each weight is then read once for up to 32 windows; the results do not depend on who else was in the batch. The arithmetic is our
// own (vad_kernel.hpp): ONNX Runtime takes three times as long for it, decision 25.
// Thread contract: VadModel is shared by all loops and threads. A batcher and its streams live on one loop; the batcher outlives its
// streams. Callbacks run on the loop, in order, never from inside push(). A stream may be destroyed, fed or reset from a callback.
// Input: the 64 samples before the window, then its 512.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/audio.hpp"
#include "core/loop.hpp"
#include "core/result.hpp"
#include "pipeline/vad_weights.hpp"

namespace repartee::pipeline {

constexpr std::size_t vad_window_samples = 512;  // 32 ms at 16 kHz
constexpr std::size_t vad_context_samples = 64;

// One caller's voice. Destroying it ends it; no callback runs afterwards.
class VadStream {
 public:
  // window_end_sample: how many samples had been pushed, since the stream was opened, when the window was full.
  using Callback = std::function<void(std::int64_t window_end_sample, float probability)>;
  virtual ~VadStream() = default;
  // resource_exhausted: more than stream_samples_max wait to be looked at; nothing of this call was taken.
  virtual Status push(std::span<const std::int16_t> samples_16k) = 0;
  // Forgets what was heard and what waits. The count of samples goes on.
  virtual void reset() = 0;
};

// Where sessions get their stream from (tests and load runs have a scripted one).
class Vad {
 public:
  virtual ~Vad() = default;
  virtual std::unique_ptr<VadStream> open(VadStream::Callback callback) = 0;
};

class VadModel {
 public:
  // models_dir as config/models.toml lays it out (silero/silero_vad_v6.onnx).
  static Result<std::shared_ptr<const VadModel>> load(const std::filesystem::path& models_dir);
  const VadWeights& weights() const { return *weights_; }

 private:
  explicit VadModel(std::shared_ptr<const VadWeights> weights) : weights_(std::move(weights)) {}
  std::shared_ptr<const VadWeights> weights_;
};

class VadBatcher final : public Vad {
 public:
  struct Options {
    Millis tick{8};                                     // how long the first full window waits for company
    std::size_t batch_streams_max = 32;                 // windows in one run of the model
    std::size_t runs_per_tick_max = 16;                 // then the loop gets its turn, and the rest follows
    std::size_t stream_samples_max = 60 * asr_rate_hz;  // waiting, a stream
  };
  VadBatcher(Loop& loop, std::shared_ptr<const VadModel> model, Options options);
  VadBatcher(Loop& loop, std::shared_ptr<const VadModel> model) : VadBatcher(loop, std::move(model), Options{}) {}
  ~VadBatcher() override;
  std::unique_ptr<VadStream> open(VadStream::Callback callback) override;

 private:
  class Core;
  class StreamImpl;
  std::shared_ptr<Core> core_;
};

// All whole windows of a recording, for tests and benches.
std::vector<float> vad_probabilities(const VadModel& model, std::span<const std::int16_t> samples_16k);

}  // namespace repartee::pipeline
