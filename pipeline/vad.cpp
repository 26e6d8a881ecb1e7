#include "pipeline/vad.hpp"

#include <algorithm>

#include "pipeline/vad_batch.hpp"

namespace repartee::pipeline {
namespace {

constexpr std::size_t idle_samples_max = 4096;  // a stream that waits for nothing keeps no larger buffer

}  // namespace

// Samples that wait, and what the model remembers. Known to the core by its address while it is in a list there.
class VadBatcher::StreamImpl final : public VadStream {
 public:
  StreamImpl(std::shared_ptr<Core> core, Callback callback)
      : core_(std::move(core)), callback_(std::make_shared<Callback>(std::move(callback))) {}
  ~StreamImpl() override;
  Status push(std::span<const std::int16_t> samples) override;
  void reset() override;

  bool has_window() const { return waiting_.size() - taken_ >= vad_window_samples; }
  std::span<const std::int16_t, vad_window_samples> window() const {
    return std::span<const std::int16_t, vad_window_samples>(waiting_.data() + taken_, vad_window_samples);
  }
  std::int64_t drop_window() {  // returns where it ended
    taken_ += vad_window_samples;
    window_end_ += static_cast<std::int64_t>(vad_window_samples);
    const std::int64_t end = window_end_;
    if (!has_window() && (taken_ == waiting_.size() || waiting_.capacity() > idle_samples_max)) {
      waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken_));
      taken_ = 0;
      if (waiting_.capacity() > idle_samples_max) waiting_.shrink_to_fit();
    }
    return end;
  }

  std::shared_ptr<Callback> callback() const { return callback_; }
  VadMemory memory;
  bool is_ready = false;    // in the core's ready list
  bool is_running = false;  // in the core's batch

 private:
  std::shared_ptr<Core> core_;
  std::shared_ptr<Callback> callback_;  // shared with its own call, during which the stream may die
  Samples waiting_;
  std::size_t taken_ = 0;        // of waiting_, already looked at
  std::int64_t window_end_ = 0;  // of the last window taken
};

class VadBatcher::Core {
 public:
  Core(Loop& loop, std::shared_ptr<const VadModel> model, Options options)
      : options_(options), loop_(loop), batch_(std::move(model), options.batch_streams_max) {}

  const Options& options() const { return options_; }
  void close() { timer_.reset(); }

  void ready(StreamImpl* stream) {
    if (stream->is_ready) return;
    stream->is_ready = true;
    ready_.push_back(stream);
    if (!timer_ && !is_delivering_) arm(options_.tick);
  }

  void forget(StreamImpl* stream) {
    if (stream->is_ready) std::erase(ready_, stream);
    if (stream->is_running) std::replace(running_.begin(), running_.end(), stream, static_cast<StreamImpl*>(nullptr));
    stream->is_ready = stream->is_running = false;
  }

 private:
  struct Outcome {
    std::int64_t window_end_sample;
    float probability;
  };

  void arm(Duration delay) {
    timer_ = loop_.after(delay, [this] { run_ready(); });
  }

  void run_ready() {
    const StreamPtr fired = std::move(timer_);
    is_delivering_ = true;
    for (std::size_t i = 0; i < options_.runs_per_tick_max && !ready_.empty(); ++i) run_batch();
    is_delivering_ = false;
    if (!ready_.empty()) arm(Duration::zero());
  }

  void run_batch() {
    const std::size_t count = std::min(ready_.size(), options_.batch_streams_max);
    running_.assign(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
    ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(count));
    batch_.begin(count);
    for (std::size_t slot = 0; slot < count; ++slot) {
      running_[slot]->is_ready = false;
      running_[slot]->is_running = true;
      batch_.set(slot, running_[slot]->memory, running_[slot]->window());
    }
    batch_.run();
    collect();
    deliver();
  }

  void collect() {
    outcomes_.clear();
    for (std::size_t slot = 0; slot < running_.size(); ++slot) {
      StreamImpl* stream = running_[slot];
      const float probability = batch_.take(slot, stream->memory, stream->window());
      outcomes_.push_back({stream->drop_window(), probability});
      if (stream->has_window()) ready(stream);
    }
  }

  // A callback may destroy or reset any stream: forget() has then blanked it in running_.
  void deliver() {
    for (std::size_t slot = 0; slot < running_.size(); ++slot) {
      if (!running_[slot]) continue;
      running_[slot]->is_running = false;
      const auto callback = running_[slot]->callback();
      (*callback)(outcomes_[slot].window_end_sample, outcomes_[slot].probability);
    }
    running_.clear();
  }

  const Options options_;
  Loop& loop_;
  VadBatch batch_;
  StreamPtr timer_;
  bool is_delivering_ = false;
  std::vector<StreamImpl*> ready_;  // each has a full window; in the order they got it
  std::vector<StreamImpl*> running_;
  std::vector<Outcome> outcomes_;
};

VadBatcher::StreamImpl::~StreamImpl() { core_->forget(this); }

Status VadBatcher::StreamImpl::push(std::span<const std::int16_t> samples) {
  if (waiting_.size() - taken_ + samples.size() > core_->options().stream_samples_max)
    return Error{Errc::resource_exhausted, "more audio at once than voice activity detection takes"};
  if (taken_ > waiting_.size() / 2) {  // each sample moves at most once on average
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
  }
  const std::size_t needed = waiting_.size() + samples.size();
  if (needed > waiting_.capacity()) waiting_.reserve(needed + needed / 4);  // not doubled: there is one in every call
  waiting_.insert(waiting_.end(), samples.begin(), samples.end());
  if (has_window()) core_->ready(this);
  return {};
}

void VadBatcher::StreamImpl::reset() {
  core_->forget(this);
  window_end_ += static_cast<std::int64_t>(waiting_.size() - taken_);
  waiting_.clear();
  taken_ = 0;
  memory = {};
}

VadBatcher::VadBatcher(Loop& loop, std::shared_ptr<const VadModel> model, Options options)
    : core_(std::make_shared<Core>(loop, std::move(model), options)) {}
VadBatcher::~VadBatcher() { core_->close(); }

std::unique_ptr<VadStream> VadBatcher::open(VadStream::Callback callback) {
  return std::make_unique<StreamImpl>(core_, std::move(callback));
}

}  // namespace repartee::pipeline
