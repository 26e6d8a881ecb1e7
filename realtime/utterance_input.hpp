// The listening half of a session: client bytes -> 16 kHz samples -> voice activity -> turn signals, and the audio of the utterance.
// All *_ms are positions in the received audio; arrival_of() gives the steady time at which such a position came in at the socket.
// Memory: the decoder and the run-up are made when audio comes, and go again when none has come for idle_after.
// Thread contract: made, used and destroyed on the session's loop; on_signal and on_window run there.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/loop.hpp"
#include "core/result.hpp"
#include "pipeline/ingress.hpp"
#include "pipeline/turn_detector.hpp"
#include "pipeline/utterance_buffer.hpp"
#include "pipeline/vad.hpp"
#include "realtime/protocol/session_config.hpp"

namespace repartee::realtime {

// server_vad: as set. semantic_vad: by its eagerness and how the words so far read (endpointing.hpp).
int silence_needed_ms(const TurnDetection& detection, std::string_view transcript);

pipeline::InputFormat to_input_format(const SessionConfig& config);

class UtteranceInput {
 public:
  struct Options {
    int speculation_silence_ms = 160;
    std::int64_t utterance_ms_max = 60'000;
    Duration idle_after = std::chrono::seconds(3);
  };
  struct Callbacks {
    std::function<void(pipeline::TurnSignal)> on_signal;
    std::function<void()> on_window;            // after each window, when it gave no signal
  };
  UtteranceInput(Loop& loop, Options options, pipeline::Vad& vad, const SessionConfig& config, Callbacks callbacks);

  Status push(std::string_view bytes);          // in the session's input format; invalid_argument: not such audio
  void configure(const SessionConfig& config);  // takes a new format, detector settings, noise reduction

  bool is_idle() const { return !ingress_; }    // no audio for long, or none yet
  pipeline::UtteranceBuffer& buffer() { return buffer_; }
  const pipeline::TurnDetector& detector() const { return detector_; }
  void set_silence_needed_ms(int ms);           // for the speech under way: its words read complete, or trail off
  void forget_speech();                         // the utterance was committed or dropped
  int silence_needed_ms() const { return detector_.silence_duration_ms(); }
  TimePoint arrival_of(std::int64_t position_ms) const;
  TimePoint last_arrival() const { return last_arrival_; }
  std::int64_t received_ms() const { return buffer_.received_ms(); }

 private:
  void on_window(std::int64_t window_end_sample, float probability);
  void note_arrival();
  void forget_arrivals();
  void watch_idle();

  Loop& loop_;
  Options options_;
  Callbacks callbacks_;
  pipeline::InputFormat format_;
  TurnDetectionKind detection_;
  std::optional<pipeline::Ingress> ingress_;                  // none: no audio came yet, or not for long
  pipeline::UtteranceBuffer buffer_;
  pipeline::TurnDetector detector_;
  std::vector<std::pair<std::int64_t, TimePoint>> arrivals_;  // (received_ms, when), of what may still turn out to end speech
  int silence_default_ms_ = 500;
  std::int64_t looked_at_ms_ = 0;                             // by the detector
  std::int64_t vad_skipped_samples_ = 0;                      // received while push to talk kept the detector out
  TimePoint last_arrival_{};
  std::unique_ptr<pipeline::VadStream> vad_;
  StreamPtr idle_timer_;                                      // while there is an ingress
};

}  // namespace repartee::realtime
