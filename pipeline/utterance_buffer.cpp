#include "pipeline/utterance_buffer.hpp"

#include <algorithm>

namespace repartee::pipeline {
namespace {

std::int64_t to_samples(std::int64_t ms) { return ms * asr_rate_hz / 1000; }

}  // namespace

void UtteranceBuffer::push(std::span<const std::int16_t> samples) { samples_.append(samples); }

void UtteranceBuffer::take_back(std::size_t samples) { samples_.drop_last(samples); }

std::int64_t UtteranceBuffer::kept_from() const { return open_ ? begin_ : looked_at_ - to_samples(options_.run_up_ms); }

void UtteranceBuffer::looked_at(std::int64_t position_samples) {
  looked_at_ = std::min(position_samples, received_samples());
  samples_.drop_before(kept_from());
}

void UtteranceBuffer::begin(std::int64_t start_ms) {
  begin_ = std::clamp(to_samples(start_ms), samples_.begin(), samples_.end());
  open_ = true;
}

void UtteranceBuffer::forget() {
  open_ = false;
  samples_.drop_before(kept_from());
  samples_.release_spares();
}

void UtteranceBuffer::clear() {
  open_ = false;
  samples_.clear();
}

bool UtteranceBuffer::full() const { return open_ && length_ms() >= options_.utterance_ms_max; }

std::int64_t UtteranceBuffer::length_ms() const { return open_ ? (received_samples() - begin_) * 1000 / asr_rate_hz : 0; }

SharedSamples UtteranceBuffer::snapshot(std::int64_t end_ms) const {
  auto out = std::make_shared<Samples>();
  const std::int64_t end = std::max(to_samples(end_ms), begin_);
  const std::int64_t from = std::max(begin_, samples_.begin()), to = std::min(end, samples_.end());
  out->reserve(static_cast<std::size_t>(end - begin_));
  if (to > from) samples_.copy(from, to, *out);
  out->resize(static_cast<std::size_t>(end - from), 0);
  return out;
}

}  // namespace repartee::pipeline
