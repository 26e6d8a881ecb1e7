#include "realtime/playout.hpp"

#include <algorithm>
#include <utility>

namespace repartee::realtime {

void Playout::push_audio(std::span<const std::int16_t> samples) { samples_.insert(samples_.end(), samples.begin(), samples.end()); }

void Playout::push_silence_to_frame(std::size_t samples) {
  const std::size_t size = frame_samples();
  samples_.resize((samples_.size() + samples + size - 1) / size * size, 0);
}

std::int64_t Playout::heard_ms(TimePoint now) const {
  if (!first_frame_at_) return 0;
  if (paused_at_) now = std::min(now, *paused_at_);
  return std::clamp<std::int64_t>(to_ms(now - *first_frame_at_ - stalls_), 0, sent_ms());
}

void Playout::pause(TimePoint now) {
  if (!paused_at_) paused_at_ = now;
}

void Playout::resume(TimePoint now, std::optional<TimePoint> missed_since) {
  if (!paused_at_) return;
  TimePoint stopped = *std::exchange(paused_at_, std::nullopt);
  if (!first_frame_at_) return;
  // It went on with the lead it had.
  if (missed_since) stopped = *missed_since <= *first_frame_at_ ? *first_frame_at_ : std::min(stopped, *missed_since + Millis(options_.lead_ms));
  stalls_ += now - stopped;
}

std::span<const std::int16_t> Playout::take_frame(TimePoint now) {
  if (cut_) return {};
  const std::size_t size = frame_samples(), from = static_cast<std::size_t>(sent_frames_) * size;
  const std::size_t have = samples_.size() > from ? samples_.size() - from : 0;
  if (have == 0 || (have < size && !finished_)) return {};
  if (!first_frame_at_) {
    first_frame_at_ = now;
  } else {
    const auto played = now - *first_frame_at_ - stalls_;   // as if the listener had had audio all the time
    const Duration sent = Millis(sent_ms());
    if (played > sent) stalls_ += played - sent;            // it ran dry: the gap was not heard speech
    else if (sent - played >= Millis(options_.lead_ms)) return {};
  }
  ++sent_frames_;
  if (have >= size) return std::span(samples_).subspan(from, size);
  padded_.assign(samples_.begin() + static_cast<std::ptrdiff_t>(from), samples_.end());
  padded_.resize(size, 0);
  return padded_;
}

std::optional<TimePoint> Playout::next_due(TimePoint now) const {
  if (cut_) return std::nullopt;
  const std::size_t from = static_cast<std::size_t>(sent_frames_) * frame_samples();
  const std::size_t have = samples_.size() > from ? samples_.size() - from : 0;
  if (have == 0 || (have < frame_samples() && !finished_)) return std::nullopt;
  if (!first_frame_at_) return now;
  return *first_frame_at_ + stalls_ + Millis(sent_ms() - options_.lead_ms + 1);
}

bool Playout::all_sent() const { return finished_ && static_cast<std::size_t>(sent_frames_) * frame_samples() >= samples_.size(); }

std::optional<TimePoint> Playout::end_of_playback() const {
  if (!all_sent() || !first_frame_at_) return std::nullopt;
  return *first_frame_at_ + stalls_ + Millis(sent_ms());
}

std::string Playout::heard_text(const std::vector<Word>& words, std::int64_t heard) {
  std::string out;
  for (const auto& word : words) {
    if ((word.start_ms + word.end_ms) / 2 > heard) break;
    if (!out.empty()) out += ' ';
    out += word.text;
  }
  return out;
}

}  // namespace repartee::realtime
