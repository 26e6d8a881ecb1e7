#include "pipeline/utterance_buffer.hpp"

#include <algorithm>

namespace repartee::pipeline {
namespace {

constexpr std::int64_t slack_samples = asr_rate_hz / 16;   // gathered before anything is moved

std::int64_t to_samples(std::int64_t ms) { return ms * asr_rate_hz / 1000; }

}  // namespace

void UtteranceBuffer::push(std::span<const std::int16_t> samples) {
  make_room(samples.size());
  samples_.insert(samples_.end(), samples.begin(), samples.end());
  position_ += static_cast<std::int64_t>(samples.size());
}

void UtteranceBuffer::take_back(std::size_t samples) {
  samples_.resize(samples_.size() - samples);
  position_ -= static_cast<std::int64_t>(samples);
}

// Not doubled, as a vector would: an utterance may be a megabyte and more.
void UtteranceBuffer::make_room(std::size_t samples) {
  const std::size_t needed = samples_.size() + samples;
  if (needed <= samples_.capacity()) return;
  samples_.reserve(needed <= quiet_capacity() ? quiet_capacity() : needed + needed / 4);
}

std::size_t UtteranceBuffer::quiet_capacity() const {
  constexpr std::int64_t waiting_samples = asr_rate_hz / 10;   // of a detector that keeps up
  return static_cast<std::size_t>(to_samples(options_.run_up_ms) + slack_samples + waiting_samples);
}

std::int64_t UtteranceBuffer::kept_from() const { return open_ ? begin_ : looked_at_ - to_samples(options_.run_up_ms); }

void UtteranceBuffer::looked_at(std::int64_t position_samples) {
  looked_at_ = std::min(position_samples, position_);
  const std::int64_t stale = kept_from() - oldest();
  if (stale < slack_samples || stale < static_cast<std::int64_t>(samples_.size() / 8)) return;   // each sample is moved a few times at most
  samples_.erase(samples_.begin(), samples_.begin() + stale);
  if (!open_ && samples_.capacity() > 2 * quiet_capacity() && samples_.size() <= quiet_capacity()) forget();   // a burst has been looked at
}

void UtteranceBuffer::begin(std::int64_t start_ms) {
  begin_ = std::clamp(to_samples(start_ms), oldest(), position_);
  open_ = true;
}

// Copied, not shrunk: the utterance's memory is given back.
void UtteranceBuffer::forget() {
  open_ = false;
  const std::int64_t stale = std::max<std::int64_t>(kept_from() - oldest(), 0);
  Samples kept;
  kept.reserve(std::max(quiet_capacity(), samples_.size() - static_cast<std::size_t>(stale)));
  kept.assign(samples_.begin() + stale, samples_.end());
  samples_.swap(kept);
}

void UtteranceBuffer::clear() {
  open_ = false;
  Samples().swap(samples_);
}

bool UtteranceBuffer::full() const { return open_ && length_ms() >= options_.utterance_ms_max; }

std::int64_t UtteranceBuffer::length_ms() const { return open_ ? (position_ - begin_) * 1000 / asr_rate_hz : 0; }

SharedSamples UtteranceBuffer::snapshot(std::int64_t end_ms) const {
  auto out = std::make_shared<Samples>();
  const std::int64_t end = std::max(to_samples(end_ms), begin_);
  const std::int64_t from = std::max(begin_, oldest()), to = std::min(end, position_);
  out->reserve(static_cast<std::size_t>(end - begin_));
  if (to > from) out->assign(samples_.begin() + (from - oldest()), samples_.begin() + (to - oldest()));
  out->resize(static_cast<std::size_t>(end - from), 0);
  return out;
}

}  // namespace repartee::pipeline
