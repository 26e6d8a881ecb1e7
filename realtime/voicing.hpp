// A response being shown and played: the protocol's response, the paced audio and the encoder of the output format, kept in step.
// Thread contract: used on the session's loop; time is passed in.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "pipeline/egress.hpp"
#include "pipeline/reply.hpp"
#include "realtime/playout.hpp"
#include "realtime/response.hpp"

namespace repartee::realtime {

class Voicing {
 public:
  struct Options {
    Playout::Options playout;
    pipeline::OpusOptions opus;
  };
  // `speech_rate_hz`: what the TTS provider makes.
  Voicing(const Options& options, AudioFormat format, int speech_rate_hz, std::unique_ptr<Response> response);

  Response& response() { return *response_; }
  Playout& playout() { return playout_; }
  const Playout& playout() const { return playout_; }

  void push(pipeline::ReplyPiece piece);       // speech to be played, and its words (announced at once)
  void change_speech_rate(int rate_hz) { egress_.change_speech_rate(rate_hz); }   // another voice speaks on (an apology)
  void finish();                               // no more speech
  bool send_due(TimePoint now);                // true: something was sent
  void set_opus_complexity(int complexity) { egress_.set_opus_complexity(complexity); }   // before send_due: of what it sends
  std::int64_t waiting_ms(TimePoint now) const { return playout_.pushed_ms() - playout_.heard_ms(now); }

 private:
  std::unique_ptr<Response> response_;
  pipeline::Egress egress_;
  Playout playout_;
  std::int64_t clause_start_ms_ = 0;
  bool opus_;
  std::vector<std::uint8_t> together_;         // what is due at once, where it goes out as one message
};

}  // namespace repartee::realtime
