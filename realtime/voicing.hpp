// A response being shown and played: the protocol's response, the paced audio and the encoder of the output format, kept in step.
// A clause that was said before (ReplyPiece::encodings) has frames of its own in Opus: silence of less than 20 + 7 ms before and after it brings it to
// whole ones, so that the same packets fit into any reply (encoded_phrase.hpp). Its frames are paced, counted and cut like all others.
// Thread contract: used on the session's loop; time is passed in.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "pipeline/egress.hpp"
#include "pipeline/encoded_phrase.hpp"
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
  struct Phrase {                              // a clause with frames of its own
    std::int64_t begin = 0, end = 0;           // its frames, of the reply's
    std::shared_ptr<const pipeline::PhraseEncodings> encodings;
    std::optional<pipeline::EncodedPhrase> packets;   // looked for when its turn comes; otherwise:
    pipeline::PhraseRecording recording;
  };
  bool keeps_packets(const pipeline::ReplyPiece& piece) const { return opus_ && piece.encodings && !piece.samples.empty(); }
  void end_on_frame();
  std::span<const std::uint8_t> bytes_of(std::span<const std::int16_t> frame, std::int64_t number, TimePoint now);
  std::span<const std::uint8_t> bytes_of(Phrase& phrase, std::span<const std::int16_t> frame, std::int64_t number, TimePoint now);

  std::unique_ptr<Response> response_;
  pipeline::Egress egress_;
  Playout playout_;
  std::int64_t clause_start_ms_ = 0;
  bool opus_, on_frame_ = true;                // what is pushed next begins with a frame, and the encoder has nothing left to say
  std::deque<Phrase> phrases_;                 // not sent to their ends
  std::vector<std::uint8_t> together_;         // what is due at once, where it goes out as one message
};

}  // namespace repartee::realtime
