#include "realtime/utterance_input.hpp"

#include <algorithm>

#include "pipeline/endpointing.hpp"

namespace repartee::realtime {
namespace {

constexpr std::size_t arrivals_max = 1024;   // 20 s of 20 ms frames: longer than any silence that ends an utterance

pipeline::TurnDetectorOptions to_detector_options(const SessionConfig& config, int speculation_silence_ms) {
  pipeline::TurnDetectorOptions options;
  options.threshold = config.turn_detection.threshold;
  options.silence_duration_ms = silence_needed_ms(config.turn_detection, "");
  options.pause_ms = std::min(speculation_silence_ms, options.silence_duration_ms);
  return options;
}

}  // namespace

pipeline::InputFormat to_input_format(const SessionConfig& config) {
  using pipeline::InputCodec;
  const bool clean = config.noise_reduction != NoiseReduction::none;
  switch (config.input_format.codec) {
    case Codec::pcmu: return {InputCodec::pcmu, config.input_format.rate_hz, clean};
    case Codec::pcma: return {InputCodec::pcma, config.input_format.rate_hz, clean};
    case Codec::opus: return {InputCodec::opus, config.input_format.rate_hz, clean};
    case Codec::pcm: return {InputCodec::pcm, config.input_format.rate_hz, clean};
  }
  return {};
}

int silence_needed_ms(const TurnDetection& detection, std::string_view transcript) {
  if (detection.kind != TurnDetectionKind::semantic_vad) return detection.silence_duration_ms;
  using pipeline::TurnEagerness;
  const TurnEagerness eagerness = detection.eagerness == Eagerness::low ? TurnEagerness::low : detection.eagerness == Eagerness::high ? TurnEagerness::high : TurnEagerness::medium;
  return pipeline::silence_needed_ms(pipeline::semantic_endpointing(eagerness), transcript);
}

UtteranceInput::UtteranceInput(Loop& loop, Options options, pipeline::Vad& vad, const SessionConfig& config, Callbacks callbacks)
    : loop_(loop),
      options_(options),
      callbacks_(std::move(callbacks)),
      format_(config.input_format),
      detection_(config.turn_detection.kind),
      buffer_({.run_up_ms = 1000, .utterance_ms_max = options.utterance_ms_max}),
      detector_(to_detector_options(config, options.speculation_silence_ms)),
      last_arrival_(loop.now()),
      vad_(vad.open([this](std::int64_t end_sample, float probability) { on_window(end_sample, probability); })) {
  configure(config);
}

void UtteranceInput::configure(const SessionConfig& config) {
  const auto format = to_input_format(config);
  if (!ingress_ || format_ != config.input_format || ingress_->format().noise_reduction != format.noise_reduction) {
    auto made = pipeline::Ingress::create(format, ingress_ ? ingress_->samples_received() : 0);
    if (made) ingress_.emplace(std::move(made).value());   // the protocol let only formats through that it takes
  }
  format_ = config.input_format;
  const bool was_off = detection_ == TurnDetectionKind::none;
  detection_ = config.turn_detection.kind;
  if (was_off != (detection_ == TurnDetectionKind::none)) detector_.reset();
  detector_.configure(to_detector_options(config, options_.speculation_silence_ms));
  silence_default_ms_ = detector_.silence_duration_ms();
}

Status UtteranceInput::push(std::string_view bytes) {
  auto samples = ingress_->push({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  if (!samples) return samples.error();
  last_arrival_ = loop_.now();
  buffer_.push(*samples);
  arrivals_.emplace_back(buffer_.received_ms(), last_arrival_);
  if (arrivals_.size() > arrivals_max) arrivals_.pop_front();
  if (detection_ == TurnDetectionKind::none) {
    vad_skipped_samples_ += static_cast<std::int64_t>(samples->size());
    return {};
  }
  return vad_->push(*samples);
}

void UtteranceInput::on_window(std::int64_t window_end_sample, float probability) {
  const std::int64_t end = window_end_sample + vad_skipped_samples_;
  const std::int64_t start_ms = (end - static_cast<std::int64_t>(pipeline::vad_window_samples)) * 1000 / asr_rate_hz;
  const auto signal = detector_.on_window(start_ms, end * 1000 / asr_rate_hz, probability);
  if (signal == pipeline::TurnSignal::none) callbacks_.on_window();
  else callbacks_.on_signal(signal);
}

void UtteranceInput::set_silence_needed_ms(int ms) { detector_.set_silence_duration_ms(ms); }

void UtteranceInput::forget_speech() {
  buffer_.forget();
  detector_.reset();
  detector_.set_silence_duration_ms(silence_default_ms_);
}

TimePoint UtteranceInput::arrival_of(std::int64_t position_ms) const {
  const auto at = std::lower_bound(arrivals_.begin(), arrivals_.end(), position_ms, [](const auto& arrival, std::int64_t ms) { return arrival.first < ms; });
  return at == arrivals_.end() ? last_arrival_ : at->second;
}

}  // namespace repartee::realtime
