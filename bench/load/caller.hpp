// One person on the phone: says a recording, is silent until the reply has been played, pauses, says the next; sometimes speaks over
// the reply. Decides what is sent and measures what comes; knows no sockets.
// Thread contract: one thread; time is passed in.
#pragma once
#include <optional>
#include <random>
#include <string_view>

#include "bench/load/measures.hpp"
#include "bench/load/speech.hpp"
#include "core/audio.hpp"
#include "core/clock.hpp"

namespace repartee::bench {

struct CallerOptions {
  double interrupt_share = 0;  // of the replies, that are spoken over
  Millis pause{4000};          // after a reply, on average; each between half and one and a half
  Millis patience{5000};       // for a reply to begin, or to go on
  Millis on_time{1000};        // from the last loud frame to the first audio
  bool is_idle = false;        // says nothing
};

class Caller {
 public:
  Caller(const CallerOptions& options, const Speech& speech, Measures& measures, unsigned seed);

  void on_text(std::string_view json, TimePoint now);
  void on_binary(std::string_view audio, TimePoint now);
  // The 20 ms tick: the masked frame to send; empty before the session is configured.
  std::string_view frame_to_send(TimePoint now);
  bool wants_configuration() const { return phase_ == Phase::created; }  // session.created came: send session_update once
  void configuration_sent() { phase_ = Phase::configuring; }
  bool is_configured() const { return phase_ > Phase::configuring; }

 private:
  enum class Phase { waiting, created, configuring, pausing, speaking, awaiting, listening };
  // A reply while its audio comes.
  struct Reply {
    std::optional<TimePoint> first_audio, last_audio;
    TimePoint played_until{};
    std::optional<TimePoint> interrupt_at;
    std::optional<TimePoint> interrupted_at;  // the first loud frame over it
    std::optional<TimePoint> decided_at;      // the server's word that it is cut
    bool is_done = false;                     // nothing more will come
  };

  void on_audio(double ms, TimePoint now);
  void measure_gap(double ms, TimePoint now);
  void on_reply_begun(TimePoint now);
  void on_response_done(std::string_view json, TimePoint now);
  void on_turn(std::string_view json, TimePoint now);
  void on_error(std::string_view json);
  void pause(TimePoint now);
  void speak(const std::vector<Utterance>& utterances);
  void after_tick(TimePoint now);
  std::string_view next_speech_frame(TimePoint now);
  double uniform(double from, double to) { return std::uniform_real_distribution<double>(from, to)(random_); }

  const CallerOptions& options_;
  const Speech& speech_;
  Measures& measures_;
  std::mt19937 random_;
  Phase phase_ = Phase::waiting;
  TimePoint pause_until_{}, last_progress_{};
  const Utterance* utterance_ = nullptr;
  std::size_t at_frame_ = 0;
  std::optional<TimePoint> speech_end_;  // of the utterance that still waits for its reply
  bool has_interrupted_ = false;         // the utterance being said is an interruption
  Reply reply_;
};

}  // namespace repartee::bench
