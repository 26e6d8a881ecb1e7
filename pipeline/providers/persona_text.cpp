#include "pipeline/providers/persona_text.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

using Table = std::unordered_map<std::string_view, std::string_view>;
using Words = std::unordered_set<std::string_view>;

// A word, and what stands before and after its letters.
struct Token {
  std::string head, core, tail;
  std::string lower;
};

bool is_word_byte(unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80 || c == '\''; }

std::vector<Token> tokens_of(std::string_view sentence) {
  std::vector<Token> tokens;
  const std::string plain = normalise_spaces(sentence);
  for (std::size_t begin = 0; begin < plain.size();) {
    const std::size_t end = std::min(plain.find(' ', begin), plain.size());
    std::size_t first = begin, last = end;
    while (first < last && !is_word_byte(static_cast<unsigned char>(plain[first]))) ++first;
    while (last > first && !is_word_byte(static_cast<unsigned char>(plain[last - 1]))) --last;
    Token token{plain.substr(begin, first - begin), plain.substr(first, last - first), plain.substr(last, end - last), {}};
    if (const std::size_t curly = token.core.find("\u2019"); curly != std::string::npos) token.core.replace(curly, 3, "'");
    token.lower = to_lower(token.core);
    tokens.push_back(std::move(token));
    begin = end + 1;
  }
  return tokens;
}

std::string joined(const std::vector<Token>& tokens) {
  std::string out;
  for (const Token& token : tokens) out += (out.empty() ? "" : " ") + token.head + token.core + token.tail;
  return out;
}

void replace(Token& token, std::string_view word) {
  token.core = word;
  token.lower = to_lower(word);
}

const Words& words_before_an_object() {
  static const Words words = {"to",   "for",   "with", "of",    "from",  "about", "at",     "on",   "by",    "near",  "like",  "than",      "behind",     "beside", "around", "between",
                              "against", "without", "tell", "tells", "told", "ask", "asks", "asked", "let", "lets", "make", "makes", "made", "give", "gives", "gave",
                              "call", "calls", "see", "sees", "hear", "hears", "help", "helps", "taught", "love", "loves", "interrupt", "interrupts", "reach", "trust"};
  return words;
}

// Whether the "you" at `i` is what something is done to.
bool is_object(const std::vector<Token>& tokens, std::size_t i) {
  if (i == 0 || !tokens[i].head.empty()) return false;
  const std::string& next = i + 1 < tokens.size() ? tokens[i + 1].lower : std::string{};
  if (next == "are" || next == "were" || next == "have" || next == "can" || next == "will" || next == "do") return false;
  if (!tokens[i - 1].tail.empty()) return false;
  if (words_before_an_object().contains(tokens[i - 1].lower)) return true;
  return next.empty() || tokens[i].tail.find_first_of(".,;:!?") != std::string::npos;
}

const Words& imperatives() {
  static const Words words = {"answer", "speak", "be", "keep", "respond", "reply", "remember", "try", "stay", "act", "pretend", "ask", "refuse", "help", "say", "talk", "use", "avoid",
                              "never", "always", "please", "make", "do", "don't", "give", "provide", "follow", "ensure", "assume", "imagine", "write", "explain", "tell", "limit",
                              "end", "begin", "start", "greet", "address", "sound", "let", "stick", "mention", "adopt", "play", "listen", "focus", "remain", "treat", "maintain", "offer",
                              "encourage", "politely", "only", "output", "format", "translate", "summarize", "summarise"};
  return words;
}

bool starts_with_one_of(std::string_view text, std::initializer_list<std::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(), [&](std::string_view beginning) { return text.starts_with(beginning); });
}

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

}  // namespace

std::string to_first_person(std::string_view sentence) {
  static const Table words = {{"you're", "I'm"}, {"you've", "I've"}, {"you'll", "I'll"}, {"you'd", "I'd"}, {"your", "my"}, {"yours", "mine"}, {"yourself", "myself"}};
  std::vector<Token> tokens = tokens_of(sentence);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Token& token = tokens[i];
    if (token.lower == "you") {
      const bool object = is_object(tokens, i);
      replace(token, object ? "me" : "I");
      if (object || i + 1 >= tokens.size() || !token.tail.empty()) continue;
      if (tokens[i + 1].lower == "are") replace(tokens[i + 1], "am");
      else if (tokens[i + 1].lower == "were") replace(tokens[i + 1], "was");
      else if (tokens[i + 1].lower == "aren't") replace(tokens[i + 1], "am not");
    } else if (const auto found = words.find(token.lower); found != words.end()) {
      replace(token, found->second);
    }
  }
  return capitalised(joined(tokens));
}

std::string to_second_person(std::string_view sentence) {
  static const Table words = {{"i", "you"},     {"i'm", "you're"}, {"i've", "you've"}, {"i'll", "you'll"}, {"i'd", "you'd"}, {"me", "you"},      {"my", "your"}, {"mine", "yours"},
                              {"myself", "yourself"}, {"am", "are"}, {"we", "you"},  {"our", "your"},    {"us", "you"},    {"ours", "yours"}, {"your", "my"}};
  std::vector<Token> tokens = tokens_of(sentence);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Token& token = tokens[i];
    if (token.lower == "you") {
      replace(token, is_object(tokens, i) ? "me" : "I");
      if (i + 1 < tokens.size() && tokens[i + 1].lower == "are") replace(tokens[i + 1], "am"), ++i;
    } else if (token.lower == "was" && i > 0 && tokens[i - 1].lower == "you") {
      replace(token, "were");
    } else if (const auto found = words.find(token.lower); found != words.end()) {
      replace(token, found->second);
    }
  }
  return joined(tokens);
}

bool is_order(std::string_view sentence) {
  const std::vector<Token> tokens = tokens_of(sentence);
  if (tokens.empty()) return true;
  std::string text;
  for (const Token& token : tokens) text += token.lower + ' ';
  if (imperatives().contains(tokens.front().lower)) return true;
  if (starts_with_one_of(text, {"you must ", "you should ", "you shall ", "you need to ", "you have to ", "you are to ", "you may ", "you will ", "you are not allowed ", "you are expected ",
                                "you are required ", "if the user ", "when the user ", "if asked ", "when asked ", "if you do ", "if you are ", "if someone ", "when someone ", "when you "})) {
    return true;
  }
  return starts_with_one_of(text, {"your answers ", "your replies ", "your responses ", "your task ", "your job is to ", "your goal ", "answers ", "replies ", "responses "});
}

std::string name_in(std::string_view persona) {
  for (const std::string& sentence : split_sentences(persona)) {
    const std::vector<Token> tokens = tokens_of(sentence);
    std::size_t i = 0;
    if (tokens.size() > 2 && tokens[0].lower == "you" && tokens[1].lower == "are") i = 2;
    else if (tokens.size() > 1 && tokens[0].lower == "you're") i = 1;
    else if (tokens.size() > 3 && tokens[0].lower == "your" && tokens[1].lower == "name" && tokens[2].lower == "is") i = 3;
    if (i == 0) continue;
    std::string name;
    for (; i < tokens.size() && !tokens[i].core.empty() && is_upper(tokens[i].core[0]); ++i) {
      name += (name.empty() ? "" : " ") + tokens[i].core;
      if (!tokens[i].tail.empty()) break;
    }
    if (!name.empty()) return name;
  }
  return {};
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string with_full_stop(std::string text) {
  while (!text.empty() && (is_space(static_cast<unsigned char>(text.back())) || text.back() == ':' || text.back() == ',' || text.back() == ';')) text.pop_back();
  if (!text.empty() && boundary_after(text.substr(text.rfind(' ') + 1), 0) != Boundary::sentence) text += '.';
  return text;
}

std::string continued(std::string sentence) {
  static const Words ordinary = {"the", "a", "an", "it", "in", "this", "these", "that", "there", "they", "we", "you", "our", "your", "their", "its", "all", "every", "each", "most", "some", "if",
                                 "when", "after", "before", "at", "on", "for", "to", "with", "from", "by", "no", "as", "any", "he", "she", "his", "her", "employees", "customers", "only", "both"};
  const std::string first = to_lower(sentence.substr(0, sentence.find(' ')));
  if (ordinary.contains(first) && !sentence.empty()) sentence[0] = first[0];
  return sentence;
}

}  // namespace repartee::pipeline
