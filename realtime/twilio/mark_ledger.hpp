// What a caller on the telephone has heard: Twilio plays what it was sent in order, and sends each mark back when its playing gets there.
// A mark is sent with every 100 ms of audio; between two of them time counts.
// After a clear Twilio sends all open marks back at once: they say nothing, so they are forgotten with the clear.
// Thread contract: none; pure, time is passed in.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "core/clock.hpp"

namespace repartee::realtime::twilio {

class MarkLedger {
 public:
  static constexpr std::int64_t mark_every_ms = 100;
  static constexpr std::size_t open_marks_max = 1024;   // beyond, Twilio has not answered for 100 s of audio: the oldest are forgotten

  struct Heard {
    std::string item_id;
    std::int64_t ms = 0;
  };

  void begin(std::string item_id);                      // audio of this item follows
  std::optional<std::string> sent(std::int64_t ms);     // so much audio was sent; a mark's name when one is due
  std::optional<std::string> finish();                  // the item's audio ends: its last mark, if audio followed the one before
  void returned(const std::string& name, TimePoint now);
  bool is_playing() const { return !open_.empty() || sent_ms_ > marked_ms_; }
  Heard heard(TimePoint now) const;                     // of the current item
  void clear();

 private:
  std::string mark_here();
  struct Open {
    std::uint64_t number;
    std::int64_t at_ms;                                 // its place in the current item; below zero: of one before
  };
  std::string item_id_;
  std::int64_t sent_ms_ = 0, marked_ms_ = 0, heard_ms_ = 0;
  std::optional<TimePoint> heard_at_;
  std::uint64_t next_number_ = 1;
  std::deque<Open> open_;
};

}  // namespace repartee::realtime::twilio
