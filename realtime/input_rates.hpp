// How fast one client may send: control events by the second, audio by how many times real time. Bursts are fine, for a whole utterance may come
// in one message; what stays too fast is refused, and who does not heed it is closed.
// Thread contract: a value; pure, time is passed in.
#pragma once
#include "core/rate_meter.hpp"

namespace repartee::realtime {

class InputRates {
 public:
  struct Options {
    double control_per_second = 50, control_burst_seconds = 10;
    double audio_real_time_factor = 3, audio_burst_seconds = 120;   // two of the longest utterances
    int refusals_max = 200;                    // then the connection is closed
  };
  enum class Verdict { fine, refused, closed };

  explicit InputRates(const Options& options)
      : options_(options), control_(options.control_per_second, options.control_per_second * options.control_burst_seconds), audio_ms_(1000 * options.audio_real_time_factor, 1000 * options.audio_burst_seconds) {}

  Verdict control_event(TimePoint now) { return control_.try_take(1, now) ? Verdict::fine : refuse(); }
  Verdict audio(TimePoint now) { return audio_ms_.has_room(now) ? Verdict::fine : refuse(); }   // before it is decoded
  void audio_taken(std::int64_t ms) { audio_ms_.take(static_cast<double>(ms)); }

 private:
  Verdict refuse() { return ++refusals_ > options_.refusals_max ? Verdict::closed : Verdict::refused; }
  Options options_;
  RateMeter control_, audio_ms_;
  int refusals_ = 0;
};

}  // namespace repartee::realtime
