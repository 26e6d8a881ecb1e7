#include "pipeline/speech_assembler.hpp"

#include <algorithm>
#include <cassert>
#include <cstdlib>

#include "pipeline/visemes.hpp"

namespace repartee::pipeline {
namespace {

bool is_sound(std::int16_t sample, int silence_level) { return std::abs(static_cast<int>(sample)) >= silence_level; }

}  // namespace

std::size_t SpeechAssembler::sound_end(std::span<const std::int16_t> audio, const SpeechAssemblerOptions& options) {
  std::size_t end = audio.size();
  while (end > 0 && !is_sound(audio[end - 1], options.silence_level)) --end;
  return end;
}

SpeechAssembler::SpeechAssembler(int rate_hz, SpeechAssemblerOptions options, Sink sink)
    : rate_hz_(rate_hz), options_(options), sink_(std::move(sink)) {}

void SpeechAssembler::begin_piece(const SpeechPiece& piece) {
  assert(!piece_);
  piece_ = &piece;
  spans_.clear();
  held_.clear();
  words_timed_ = sounding_ = false;
  seen_samples_ = cut_samples_ = quiet_samples_ = 0;
  if (pause_due_ && !piece.silent()) {
    const std::size_t pause = to_samples(options_.pause_after_sentence);
    pending_.samples.insert(pending_.samples.end(), pause, 0);
    total_samples_ += pause;
    pause_due_ = false;
  }
  base_samples_ = total_samples_;
}

void SpeechAssembler::place_words(std::vector<WordSpan> spans) {
  assert(piece_ && spans.size() == piece_->words.size());
  spans_ = std::move(spans);
  if (sounding_) time_words();
}

void SpeechAssembler::keep(std::int16_t sample) {
  pending_.samples.push_back(sample);
  ++total_samples_;
}

void SpeechAssembler::append(std::span<const std::int16_t> audio) {
  const std::size_t margin = to_samples(options_.margin_before);
  const std::size_t after = to_samples(options_.silence_after);
  for (std::int16_t sample : audio) {
    ++seen_samples_;
    if (is_sound(sample, options_.silence_level)) {
      if (!sounding_) {
        const std::size_t kept = std::min(margin, held_.size());
        held_.erase(held_.begin(), held_.end() - static_cast<std::ptrdiff_t>(kept));
        cut_samples_ = seen_samples_ - 1 - kept;
        sounding_ = true;
      }
      for (std::int16_t quiet : held_) keep(quiet);
      held_.clear();
      quiet_samples_ = 0;
      keep(sample);
    } else if (sounding_ && ++quiet_samples_ <= after) {
      keep(sample);
    } else {
      held_.push_back(sample);
    }
  }
  if (sounding_ && !spans_.empty() && !words_timed_) time_words();
  // Words that come after their audio would be of no use to whoever plays it: hold the chunk until they are known.
  if (words_timed_) send_if(to_samples(sent_any_ ? options_.chunk : options_.first_chunk));
}

bool SpeechAssembler::rests_after(std::size_t word) const {
  const auto next = std::find_if(spans_.begin() + static_cast<std::ptrdiff_t>(word) + 1, spans_.end(), [](const WordSpan& span) { return span.said; });
  return next == spans_.end() || next->begin > spans_[word].end + to_samples(options_.rest_after);
}

void SpeechAssembler::time_words() {
  words_timed_ = true;
  auto to_ms = [&](std::size_t raw) {
    const std::size_t from_cut = raw > cut_samples_ ? raw - cut_samples_ : 0;
    return static_cast<std::int64_t>((base_samples_ + from_cut) * 1000 / static_cast<std::size_t>(rate_hz_));
  };
  for (std::size_t i = 0; i < piece_->words.size(); ++i) {
    WordTime word{.text = piece_->words[i].written, .start_ms = last_end_ms_, .end_ms = last_end_ms_};
    if (i < spans_.size() && spans_[i].said) {
      word.start_ms = std::max(last_end_ms_, to_ms(spans_[i].begin));
      word.end_ms = std::max(word.start_ms, to_ms(spans_[i].end));
      for (const auto& shape : spans_[i].shapes) {
        if (!word.visemes.empty() && word.visemes.back().id == shape.viseme) continue;
        word.visemes.push_back({shape.viseme, std::clamp(to_ms(shape.begin), word.start_ms, word.end_ms)});
      }
      if (!word.visemes.empty() && rests_after(i)) word.visemes.push_back({viseme_at_rest, word.end_ms});
    }
    last_end_ms_ = word.end_ms;
    pending_.words.push_back(std::move(word));
  }
}

void SpeechAssembler::end_piece() {
  std::size_t speech_end = 0;
  for (const WordSpan& span : spans_)
    if (span.said) speech_end = std::max(speech_end, span.end);
  if (sounding_) {  // a last consonant too soft to count as sound is not cut, nor a word that the engine's clock ends after its audio
    const std::size_t wanted = base_samples_ + (speech_end > cut_samples_ ? speech_end - cut_samples_ : 0);
    for (std::size_t i = 0; total_samples_ < wanted; ++i) keep(i < held_.size() ? held_[i] : std::int16_t{0});
  } else {
    spans_.clear();
  }
  if (!words_timed_) time_words();
  if (sounding_) pause_due_ = piece_->ends_sentence;
  held_.clear();
  piece_ = nullptr;
}

void SpeechAssembler::finish() { send_if(0); }

void SpeechAssembler::send_if(std::size_t samples_min) {
  if (pending_.samples.size() < samples_min || (pending_.samples.empty() && pending_.words.empty())) return;
  sent_any_ = true;
  sink_(std::move(pending_));
  pending_ = {};
}

}  // namespace repartee::pipeline
