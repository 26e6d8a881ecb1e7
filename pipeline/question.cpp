#include "pipeline/question.hpp"

#include <algorithm>
#include <set>

#include "pipeline/providers/sentence_index.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

// "And how much is it?", "Why?": what it is about stands in the sentence before.
bool points_back(std::string_view text) {
  static const std::set<std::string, std::less<>> pointers = {"it",    "its", "they", "them", "their", "that", "those",
                                                              "these", "he",  "she",  "him",  "her",   "one",  "ones"};
  const Query query(text);
  if (query.empty()) return false;  // "Thank you."
  if (query.vague()) return true;
  const std::vector<std::string> words = plain_words(text);
  const bool continues = !words.empty() && (words[0] == "and" || words[0] == "but" || words[0] == "also");
  return continues || std::any_of(words.begin(), words.end(), [](const std::string& word) { return pointers.contains(word); });
}

}  // namespace

std::string question_of(const std::vector<ChatMessage>& messages) {
  std::string question;
  for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
    if (message->role != Role::user || message->text.empty()) continue;
    const std::string_view text = std::string_view(message->text).substr(0, utf8_cut(message->text, question_bytes_max));
    if (!question.empty()) return std::string(text) + ' ' + question;
    question = text;
    if (!points_back(question)) break;
  }
  return question;
}

}  // namespace repartee::pipeline
