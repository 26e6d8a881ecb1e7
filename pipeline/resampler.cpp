#include "pipeline/resampler.hpp"

#include <speex/speex_resampler.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <new>

namespace repartee::pipeline {

struct Resampler::Impl {
  explicit Impl(Options o) : options(o) {
    if (o.from_hz == o.to_hz) return;  // nothing to convert
    int error = 0;
    state = speex_resampler_init(1, static_cast<spx_uint32_t>(o.from_hz), static_cast<spx_uint32_t>(o.to_hz), o.quality, &error);
    if (!state) throw std::bad_alloc();  // the arguments are in range, so this is all it can be
    speex_resampler_skip_zeros(state);
  }
  ~Impl() {
    if (state) speex_resampler_destroy(state);
  }
  Options options;
  SpeexResamplerState* state = nullptr;
};

Resampler::Resampler(Options options) {
  assert(options.from_hz >= rate_hz_min && options.from_hz <= rate_hz_max);
  assert(options.to_hz >= rate_hz_min && options.to_hz <= rate_hz_max);
  impl_ = std::make_unique<Impl>(options);
}
Resampler::~Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;

void Resampler::process(std::span<const std::int16_t> in, Samples& out) {
  if (!impl_->state) {
    out.insert(out.end(), in.begin(), in.end());
    return;
  }
  constexpr std::size_t room = 1024;
  std::array<std::int16_t, room> converted;
  while (!in.empty()) {
    auto taken = static_cast<spx_uint32_t>(std::min<std::size_t>(in.size(), room));
    auto given = static_cast<spx_uint32_t>(room);
    speex_resampler_process_int(impl_->state, 0, in.data(), &taken, converted.data(), &given);
    out.insert(out.end(), converted.begin(), converted.begin() + given);
    if (taken == 0 && given == 0) return;  // cannot happen; never spin
    in = in.subspan(taken);
  }
}

void Resampler::flush(Samples& out) {
  if (!impl_->state) return;
  const Samples silence(static_cast<std::size_t>(speex_resampler_get_input_latency(impl_->state)), 0);
  process(silence, out);
  reset();
}

void Resampler::reset() {
  if (!impl_->state) return;
  speex_resampler_reset_mem(impl_->state);
  speex_resampler_skip_zeros(impl_->state);
}

Audio resampled(const Audio& in, int to_hz) {
  if (in.rate_hz == to_hz) return in;
  Audio out{.samples = {}, .rate_hz = to_hz};
  const auto rate_in = static_cast<std::uint64_t>(in.rate_hz);
  const std::size_t length = (in.samples.size() * static_cast<std::uint64_t>(to_hz) + rate_in / 2) / rate_in;
  out.samples.reserve(length + 64);
  Resampler resampler({.from_hz = in.rate_hz, .to_hz = to_hz});
  resampler.process(in.samples, out.samples);
  resampler.flush(out.samples);
  out.samples.resize(length, 0);
  return out;
}

}  // namespace repartee::pipeline
