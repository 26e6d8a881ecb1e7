// Turns what an engine makes (pieces of speech with silence around them, times from the engine's own zero) into what TtsProvider promises:
// the audio of a request begins with speech, ends soon after it, pauses between its pieces, and every written word has its time.
// Audio streams through: silence is held back only while it may be the last.
// Thread contract: one thread at a time (the worker that runs the request).
// Units: sample offsets count from the engine's first sample of the piece.
#pragma once
#include <functional>
#include <span>

#include "pipeline/providers.hpp"
#include "pipeline/speech_text.hpp"

namespace repartee::pipeline {

struct SpeechAssemblerOptions {
  int silence_level = 200;           // of 32,767: -44 dBFS; what stays below counts as silence
  Millis margin_before{15};          // kept before the first sound: a soft consonant begins below the level
  Millis silence_after{110};         // kept after the last sound of a piece
  Millis pause_after_sentence{150};  // added between two pieces when the first ends a sentence
  Millis first_chunk{20};            // the first chunk is sent as soon as it has this much ...
  Millis chunk{80};                  // ... and the later ones
  Millis rest_after{60};             // between two words: the mouth closes
};

class SpeechAssembler {
 public:
  struct WordSpan {  // where a word is in the piece's raw audio
    std::size_t begin = 0, end = 0;
    bool said = false;  // false: it has no sound; it takes no time where it stands
    struct Shape {
      int viseme = 0;
      std::size_t begin = 0;
    };
    std::vector<Shape> shapes = {};  // of the mouth, in order; none: the engine does not tell
  };
  // One past the last sample that counts as sound; 0: none does.
  static std::size_t sound_end(std::span<const std::int16_t> audio, const SpeechAssemblerOptions& options);

  using Sink = std::function<void(SpeechChunk)>;

  SpeechAssembler(int rate_hz, SpeechAssemblerOptions options, Sink sink);

  void begin_piece(const SpeechPiece& piece);
  void place_words(std::vector<WordSpan> spans);  // one a word of the piece; before or after any append() of the piece
  void append(std::span<const std::int16_t> audio);
  void end_piece();  // words not placed get no length, but are sent
  void finish();     // sends what is left

 private:
  std::size_t to_samples(Millis time) const { return static_cast<std::size_t>(time.count() * rate_hz_ / 1000); }
  void keep(std::int16_t sample);
  void time_words();
  bool rests_after(std::size_t word) const;  // a pause follows it in its piece, or nothing
  void send_if(std::size_t samples_min);

  const int rate_hz_;
  const SpeechAssemblerOptions options_;
  const Sink sink_;

  const SpeechPiece* piece_ = nullptr;
  std::vector<WordSpan> spans_;
  bool words_timed_ = false;
  bool sounding_ = false;          // the piece's first sound has come
  std::size_t seen_samples_ = 0;   // of the piece's raw audio
  std::size_t cut_samples_ = 0;    // raw samples left out before the first sound
  std::size_t quiet_samples_ = 0;  // since the last sound
  Samples held_;                   // silence that is sent only if sound follows

  bool pause_due_ = false;
  bool sent_any_ = false;
  std::size_t base_samples_ = 0;   // of the request's audio, where the piece begins
  std::size_t total_samples_ = 0;  // of the request's audio, sent or pending
  std::int64_t last_end_ms_ = 0;
  SpeechChunk pending_;
};

}  // namespace repartee::pipeline
