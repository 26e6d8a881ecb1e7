#include "pipeline/turn_detector.hpp"

namespace repartee::pipeline {
namespace {
constexpr std::int64_t candidate_gap_ms_max = 64;   // voiced windows further apart than this are not one onset
}

TurnSignal TurnDetector::on_window(std::int64_t window_start_ms, std::int64_t window_end_ms, double probability) {
  const std::int64_t length_ms = window_end_ms - window_start_ms;
  if (!in_speech_) {
    if (probability < options_.threshold) {
      if (candidate_voiced_ms_ > 0 && window_end_ms - candidate_last_ms_ > candidate_gap_ms_max) candidate_voiced_ms_ = 0;
      return TurnSignal::none;
    }
    if (candidate_voiced_ms_ == 0) candidate_start_ms_ = window_start_ms;
    candidate_voiced_ms_ += length_ms;
    candidate_last_ms_ = window_end_ms;
    if (candidate_voiced_ms_ < options_.onset_ms) return TurnSignal::none;
    in_speech_ = true;
    paused_ = false;
    speech_start_ms_ = candidate_start_ms_;
    speech_end_ms_ = window_end_ms;
    voiced_ms_ = candidate_voiced_ms_;
    candidate_voiced_ms_ = 0;
    return TurnSignal::onset;
  }
  if (probability >= options_.threshold - options_.hysteresis) {
    speech_end_ms_ = window_end_ms;
    if (probability >= options_.threshold) voiced_ms_ += length_ms;
    if (!paused_) return TurnSignal::none;
    paused_ = false;
    return TurnSignal::resumed;
  }
  const std::int64_t silent_ms = window_end_ms - speech_end_ms_;
  if (silent_ms >= options_.silence_duration_ms) {
    in_speech_ = false;
    return TurnSignal::endpoint;
  }
  if (!paused_ && silent_ms >= options_.pause_ms) {
    paused_ = true;
    return TurnSignal::pause;
  }
  return TurnSignal::none;
}

void TurnDetector::reset() {
  in_speech_ = paused_ = false;
  candidate_voiced_ms_ = 0;
  voiced_ms_ = 0;
}

}  // namespace repartee::pipeline
