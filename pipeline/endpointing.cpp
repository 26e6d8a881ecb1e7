#include "pipeline/endpointing.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace repartee::pipeline {
namespace {

constexpr std::array dangling{"a",    "about", "an",   "and",  "as",  "at",   "because", "but",  "by",  "for",  "from", "her", "his",  "i",    "if",   "in",
                              "into", "is",    "its",  "like", "my",  "of",   "on",      "or",   "our", "so",   "than", "that", "the", "their", "then", "to",
                              "uh",   "um",    "until", "was", "well", "what", "when",    "where", "which", "while", "who", "with", "your"};

}  // namespace

SemanticEndpointing semantic_endpointing(TurnEagerness eagerness) {
  switch (eagerness) {
    case TurnEagerness::low: return {1200, 800, 8000};
    case TurnEagerness::medium: return {700, 400, 4000};
    case TurnEagerness::high: return {450, 300, 2000};
  }
  return {};
}

Completeness read_completeness(std::string_view transcript) {
  while (!transcript.empty() && std::isspace(static_cast<unsigned char>(transcript.back()))) transcript.remove_suffix(1);
  if (transcript.empty()) return Completeness::unknown;
  if (transcript.back() == ',' || transcript.back() == '-' || transcript.ends_with("..")) return Completeness::trailing;
  const bool punctuated = transcript.back() == '.' || transcript.back() == '?' || transcript.back() == '!';
  const bool asked = transcript.back() == '?';
  while (!transcript.empty() && std::ispunct(static_cast<unsigned char>(transcript.back()))) transcript.remove_suffix(1);
  const auto space = transcript.find_last_of(' ');
  std::string last(space == std::string_view::npos ? transcript : transcript.substr(space + 1));
  std::ranges::transform(last, last.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  // A recogniser puts a full stop behind anything; a question mark it means.
  if (!asked && std::ranges::find(dangling, last) != dangling.end()) return Completeness::trailing;
  return punctuated ? Completeness::complete : Completeness::unknown;
}

int silence_needed_ms(const SemanticEndpointing& spans, std::string_view transcript) {
  switch (read_completeness(transcript)) {
    case Completeness::complete: return spans.complete_silence_ms;
    case Completeness::trailing: return spans.cap_ms;
    case Completeness::unknown: break;
  }
  return spans.silence_ms;
}

}  // namespace repartee::pipeline
