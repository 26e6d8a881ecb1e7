// What a short utterance wants of a conversation partner: greetings, thanks, "repeat that", questions about the talk itself.
// Rules of phrases over plain words (sentence_index.hpp); no statistics.
// Thread contract: pure functions.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace repartee::pipeline {

enum class Intent {
  none,
  greeting,
  how_are_you,
  thanks,
  goodbye,
  repeat,             // say it again
  stop,               // be quiet
  what_i_said,        // the user's last words
  what_i_said_first,
  what_you_said,
  summary,            // of the talk so far
  user_name,
  who_are_you,
  your_name,
  are_you_machine,    // an AI, a language model
  are_you_human,
  abilities,          // what can you do, what can I ask
  more,               // tell me more
  clock,              // the time or the date
  yes,
  no,
  compliment,
  apology,
};

struct Utterance {
  Intent intent = Intent::none;
  bool greets = false;              // begins with a greeting, whatever follows
  bool question = false;            // asks or tells to explain something
  std::vector<std::string> words;   // plain, without fillers, greeting and the clone's name around them
};
Utterance understand(std::string_view sentence, std::string_view clone_name);

// The name a user gives: "My name is Ada", "call me Ada", "I'm Ada".
std::optional<std::string> stated_name(std::string_view sentence);

}  // namespace repartee::pipeline
