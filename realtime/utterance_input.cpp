#include "realtime/utterance_input.hpp"

#include <algorithm>

#include "pipeline/endpointing.hpp"

namespace repartee::realtime {
namespace {

constexpr std::size_t arrivals_max = 1024;      // 20 s of 20 ms frames: longer than any silence that ends an utterance
constexpr std::size_t arrivals_dropped = 8;     // at once
constexpr std::int64_t deciding_ms_max = 160;   // from the first voiced window to the onset: two windows and the gap between them

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
      format_(to_input_format(config)),
      detection_(config.turn_detection.kind),
      buffer_({.utterance_ms_max = options.utterance_ms_max}),
      detector_(to_detector_options(config, options.speculation_silence_ms)),
      last_arrival_(loop.now()),
      vad_(vad.open([this](std::int64_t end_sample, float probability) { on_window(end_sample, probability); })) {
  configure(config);
}

void UtteranceInput::configure(const SessionConfig& config) {
  const auto format = to_input_format(config);
  if (format != format_) ingress_.reset();   // what comes next makes its own
  format_ = format;
  const bool was_off = detection_ == TurnDetectionKind::none;
  detection_ = config.turn_detection.kind;
  if (was_off != (detection_ == TurnDetectionKind::none)) detector_.reset();
  detector_.configure(to_detector_options(config, options_.speculation_silence_ms));
  silence_default_ms_ = detector_.silence_duration_ms();
  buffer_.set_run_up_ms(config.turn_detection.prefix_padding_ms + deciding_ms_max);
}

Status UtteranceInput::push(std::string_view bytes) {
  if (!ingress_) {
    auto made = pipeline::Ingress::create(format_, buffer_.received_samples());
    if (!made) return made.error();   // the protocol lets only formats through that it takes
    ingress_.emplace(std::move(made).value());
    if (!idle_timer_) watch_idle();
  }
  auto samples = ingress_->push({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  if (!samples) return samples.error();
  const bool push_to_talk = detection_ == TurnDetectionKind::none;
  if (push_to_talk) {   // only what comes now may begin the utterance, and end it
    buffer_.looked_at(buffer_.received_samples());
    arrivals_.clear();
    vad_skipped_samples_ += static_cast<std::int64_t>(samples->size());
  }
  last_arrival_ = loop_.now();
  buffer_.push(*samples);
  note_arrival();
  if (push_to_talk) return {};
  auto taken = vad_->push(*samples);
  if (taken) return {};
  buffer_.take_back(samples->size());
  arrivals_.pop_back();
  return taken;
}

void UtteranceInput::note_arrival() {
  arrivals_.emplace_back(buffer_.received_ms(), last_arrival_);
  if (arrivals_.size() > arrivals_max) arrivals_.erase(arrivals_.begin(), arrivals_.begin() + arrivals_dropped);
}

// Nobody will ask any more when the frames before the last voiced window came, or, in silence, those before one that may yet be voiced.
void UtteranceInput::forget_arrivals() {
  const std::int64_t wanted_ms = buffer_.open() ? detector_.speech_end_ms() : looked_at_ms_;
  while (arrivals_.size() > arrivals_dropped && arrivals_[arrivals_dropped].first < wanted_ms)
    arrivals_.erase(arrivals_.begin(), arrivals_.begin() + arrivals_dropped);
}

// Nothing was received for a while: an open line costs as little as one that was never spoken on.
void UtteranceInput::watch_idle() {
  idle_timer_ = loop_.after(options_.idle_after, [this] {
    idle_timer_.reset();
    if (buffer_.open() || loop_.now() - last_arrival_ < options_.idle_after) return watch_idle();
    ingress_.reset();
    buffer_.clear();
    std::vector<std::pair<std::int64_t, TimePoint>>().swap(arrivals_);
  });
}

void UtteranceInput::on_window(std::int64_t window_end_sample, float probability) {
  const std::int64_t end = window_end_sample + vad_skipped_samples_;
  const std::int64_t start_ms = (end - static_cast<std::int64_t>(pipeline::vad_window_samples)) * 1000 / asr_rate_hz;
  looked_at_ms_ = end * 1000 / asr_rate_hz;
  buffer_.looked_at(end);
  const auto signal = detector_.on_window(start_ms, looked_at_ms_, probability);
  forget_arrivals();
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
