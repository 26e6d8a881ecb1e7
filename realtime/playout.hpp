// Paces a reply's audio and alone knows what was heard of it. Frames of 20 ms are sent with a bounded lead over real time;
// heard = min(sent, time since the first frame less stalls), replaced by the client's own account when it gives one, never more than was sent;
// a word is heard when its middle was played (realtime-protocol.md, "Heard").
// Thread contract: none; pure, time is passed in.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/audio.hpp"
#include "core/clock.hpp"

namespace repartee::realtime {

class Playout {
 public:
  struct Options {
    std::int64_t lead_ms = 200;          // sent ahead of real time, at most 300 by the protocol
  };
  struct Word {
    std::string text;
    std::int64_t start_ms = 0, end_ms = 0;   // from the reply's first sample
  };

  Playout(Options options, int rate_hz) : options_(options), rate_hz_(rate_hz) {}

  // Audio and words are appended; a word's times count from the first sample of `samples`' own clause, given as clause_start_ms.
  void push_audio(std::span<const std::int16_t> samples);
  void push_word(Word word) { words_.push_back(std::move(word)); }
  // Silence, `samples` at least, up to a whole frame: what is pushed next begins with a frame.
  void push_silence_to_frame(std::size_t samples);
  void finish() { finished_ = true; }                    // no more audio will come; a partial last frame is padded
  void cut() { cut_ = true; }                            // nothing more is sent
  // The listener's connection is lost: time stands still for what is heard. Then it is back; what was sent from `missed_since` on had not
  // arrived (nullopt: all had), was sent again now, and is heard from now on.
  void pause(TimePoint now);
  void resume(TimePoint now, std::optional<TimePoint> missed_since);

  // The next frame if one may be sent now (rate_hz/50 samples); empty otherwise. Taking it counts it as sent.
  std::span<const std::int16_t> take_frame(TimePoint now);
  // When take_frame should be asked again; nullopt: when audio comes (or never: all sent, or cut).
  std::optional<TimePoint> next_due(TimePoint now) const;

  std::int64_t pushed_ms() const { return static_cast<std::int64_t>(samples_.size()) * 1000 / rate_hz_; }
  std::int64_t pushed_frames() const { return static_cast<std::int64_t>(samples_.size() / frame_samples()); }
  std::int64_t sent_frames() const { return sent_frames_; }
  std::int64_t sent_ms() const { return sent_frames_ * frame_ms; }
  std::int64_t heard_ms(TimePoint now) const;
  bool all_sent() const;                                 // finished, and every frame is out
  std::optional<TimePoint> end_of_playback() const;      // once all is sent
  std::int64_t stalled_ms() const { return to_ms(stalls_); }
  std::optional<TimePoint> first_frame_at() const { return first_frame_at_; }
  int rate_hz() const { return rate_hz_; }

  // The words heard when `heard` milliseconds were played, joined by spaces.
  static std::string heard_text(const std::vector<Word>& words, std::int64_t heard);
  std::string heard_text(std::int64_t heard) const { return heard_text(words_, heard); }
  const std::vector<Word>& words() const { return words_; }

 private:
  std::size_t frame_samples() const { return static_cast<std::size_t>(rate_hz_ / 1000 * frame_ms); }

  Options options_;
  int rate_hz_;
  Samples samples_;                       // all of the reply; frames are views into it
  Samples padded_;
  std::vector<Word> words_;
  std::int64_t sent_frames_ = 0;
  bool finished_ = false, cut_ = false;
  std::optional<TimePoint> first_frame_at_, paused_at_;
  Duration stalls_{0};
};

}  // namespace repartee::realtime
