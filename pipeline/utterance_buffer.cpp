#include "pipeline/utterance_buffer.hpp"

#include <algorithm>

namespace repartee::pipeline {
namespace {
std::int64_t to_samples(std::int64_t ms) { return ms * asr_rate_hz / 1000; }
}  // namespace

void UtteranceBuffer::push(std::span<const std::int16_t> samples) {
  samples_.insert(samples_.end(), samples.begin(), samples.end());
  position_ += static_cast<std::int64_t>(samples.size());
  trim();
}

void UtteranceBuffer::trim() {
  const auto have = static_cast<std::int64_t>(samples_.size());
  const auto keep = open_ ? std::max<std::int64_t>(position_ - begin_, 0) : to_samples(options_.run_up_ms);
  // Twice what is kept before anything is moved: the cost of moving is spread thin.
  const auto slack = open_ ? keep + to_samples(options_.run_up_ms) * 2 : keep * 2;
  if (have > slack) samples_.erase(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(have - keep));
}

void UtteranceBuffer::begin(std::int64_t start_ms) {
  const std::int64_t oldest = position_ - static_cast<std::int64_t>(samples_.size());
  begin_ = std::clamp(to_samples(start_ms), oldest, position_);
  open_ = true;
}

void UtteranceBuffer::forget() {
  open_ = false;
  const auto keep = std::min<std::int64_t>(to_samples(options_.run_up_ms), static_cast<std::int64_t>(samples_.size()));
  Samples(samples_.end() - static_cast<std::ptrdiff_t>(keep), samples_.end()).swap(samples_);   // gives the utterance's memory back
}

bool UtteranceBuffer::full() const { return open_ && length_ms() >= options_.utterance_ms_max; }

std::int64_t UtteranceBuffer::length_ms() const { return open_ ? (position_ - begin_) * 1000 / asr_rate_hz : 0; }

SharedSamples UtteranceBuffer::snapshot(std::int64_t end_ms) const {
  auto out = std::make_shared<Samples>();
  const std::int64_t end = std::max(to_samples(end_ms), begin_);
  const std::int64_t oldest = position_ - static_cast<std::int64_t>(samples_.size());
  const std::int64_t from = std::max(begin_, oldest), to = std::min(end, position_);
  out->reserve(static_cast<std::size_t>(end - begin_));
  if (to > from) out->assign(samples_.begin() + static_cast<std::ptrdiff_t>(from - oldest), samples_.begin() + static_cast<std::ptrdiff_t>(to - oldest));
  out->resize(static_cast<std::size_t>(end - from), 0);
  return out;
}

}  // namespace repartee::pipeline
