// flite's voices and its text analysis, for the engine (providers/flite) and for Kokoro's phonemes (phonemes).
// Thread contract: any thread; a FliteUtterance belongs to one thread at a time. flite keeps its voices in globals. Each is registered once
// and then made safe to share: flite counts references to a voice's features without atomics, so that two threads speaking at once would
// some day free a feature in use; the counts are pinned (at -1, flite's own mark for constants) before a voice is handed out.
#pragma once
#include <string_view>
#include <vector>

#include "pipeline/speech_text.hpp"

struct cst_voice_struct;
struct cst_utterance_struct;
struct cst_item_struct;

namespace repartee::pipeline {

struct FliteVoice {
  std::string_view id, description;
  bool streams = false;  // the lengths of its sounds are final before its audio, which comes in parts
  cst_voice_struct* voice = nullptr;
};

constexpr int flite_rate_hz = 16'000;  // every voice here

std::vector<std::string_view> flite_voice_ids();     // the default first
const FliteVoice* flite_voice(std::string_view id);  // null: no such voice. The first call for a voice registers it (about a millisecond)

class FliteUtterance {
 public:
  struct Word {                             // as flite says it: "42" is two
    std::size_t written = 0;                // index of the piece's word it belongs to
    const cst_item_struct* item = nullptr;  // in the relation Word
    std::string_view name;
    std::string_view punctuation;  // that follows it
  };

  FliteUtterance(const FliteVoice& voice, const SpeechPiece& piece);
  ~FliteUtterance();
  FliteUtterance(const FliteUtterance&) = delete;
  FliteUtterance& operator=(const FliteUtterance&) = delete;

  cst_utterance_struct* get() const { return utterance_; }
  std::vector<Word> words() const;  // once flite has analysed the text

 private:
  cst_utterance_struct* utterance_ = nullptr;
  std::vector<std::size_t> word_ends_;  // in the text flite was given
};

}  // namespace repartee::pipeline
