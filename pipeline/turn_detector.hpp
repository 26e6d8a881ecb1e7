// From voice activity to "the user began", "pauses", "goes on", "is done". Pure: probabilities with their place in the input in, signals out.
// All times are positions in the received audio (milliseconds of samples since the session's first), never a wall clock.
// Thread contract: none; used on the session's loop.
#pragma once
#include <cstdint>
#include <optional>

namespace repartee::pipeline {

struct TurnDetectorOptions {
  double threshold = 0.5;              // a window at or above it is voiced
  double hysteresis = 0.15;            // speech goes on down to threshold - hysteresis (Silero's own recommendation)
  int onset_ms = 64;                   // this much voiced sound makes an onset: a click does not
  int pause_ms = 160;                  // silence after which the next stages may start on speculation
  int silence_duration_ms = 500;       // silence that ends the utterance
};

enum class TurnSignal {
  none,
  onset,       // speech began at speech_start_ms()
  pause,       // silent for pause_ms; speech ended (so far) at speech_end_ms()
  resumed,     // speech again after a pause
  endpoint,    // silent for silence_duration_ms
};

class TurnDetector {
 public:
  explicit TurnDetector(TurnDetectorOptions options) : options_(options) {}

  // One VAD window. At most one signal comes of it.
  TurnSignal on_window(std::int64_t window_start_ms, std::int64_t window_end_ms, double probability);

  bool in_speech() const { return in_speech_; }
  std::int64_t speech_start_ms() const { return speech_start_ms_; }   // of the current or last speech
  std::int64_t speech_end_ms() const { return speech_end_ms_; }       // end of its last voiced window
  std::int64_t voiced_ms() const { return voiced_ms_; }               // voiced sound since the onset, pauses not counted
  void configure(TurnDetectorOptions options) { options_ = options; }
  int silence_duration_ms() const { return options_.silence_duration_ms; }
  void set_silence_duration_ms(int ms) { options_.silence_duration_ms = ms; }
  void reset();                                                       // forgets the speech under way

 private:
  TurnDetectorOptions options_;
  bool in_speech_ = false, paused_ = false;
  std::int64_t candidate_start_ms_ = 0, candidate_voiced_ms_ = 0, candidate_last_ms_ = 0;
  std::int64_t speech_start_ms_ = 0, speech_end_ms_ = 0, voiced_ms_ = 0;
};

}  // namespace repartee::pipeline
