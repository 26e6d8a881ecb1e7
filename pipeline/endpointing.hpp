// How long a silence must be to end the user's turn. Pure; the seam where a fuller turn detector will decide (its own issue).
// Thread contract: pure functions.
#pragma once
#include <string_view>

namespace repartee::pipeline {

enum class TurnEagerness { low, medium, high };

struct SemanticEndpointing {
  int silence_ms = 700;                // nothing is known of the words yet
  int complete_silence_ms = 400;       // they read like a whole sentence
  int cap_ms = 4000;                   // they trail off: at most this long
};
SemanticEndpointing semantic_endpointing(TurnEagerness eagerness);   // caps 8, 4 and 2 s for low, medium, high

enum class Completeness { unknown, complete, trailing };
// Trailing: ends with a word that wants another one ("and", "the", "to", "um"), a comma or dots. A heuristic for English.
Completeness read_completeness(std::string_view transcript);

int silence_needed_ms(const SemanticEndpointing& spans, std::string_view transcript);

}  // namespace repartee::pipeline
