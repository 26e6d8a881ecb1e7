#include "pipeline/providers/sentence_index.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "pipeline/providers/porter_stemmer.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

constexpr double k1 = 1.2, b = 0.2;            // BM25; sentences are short, so length says little
constexpr double weak_weight = 0.35;
constexpr double hint_bonus = 1.2;
constexpr double definition_bonus = 1.8, later_definition_bonus = 1.5;
constexpr std::size_t definition_words_max = 3;
constexpr double previous_share = 0.5;         // of its predecessor's score, for a sentence that begins with "It" or "They"

using Words = std::unordered_set<std::string_view>;

const Words& stop_words() {
  static const Words words = {
      "a",     "an",    "the",   "and",  "or",    "but",   "if",    "of",    "at",   "by",    "for",   "with",  "about", "to",    "from",  "in",    "on",
      "into",  "over",  "under", "than", "then",  "that",  "this",  "these", "those", "there", "here",  "is",    "are",   "was",   "were",  "be",    "been",
      "being", "am",    "do",    "does", "did",   "doing", "done",  "has",   "have", "had",   "having", "can",   "could", "will",  "would", "shall", "should",
      "may",   "might", "must",  "i",    "me",    "my",    "mine",  "we",    "us",   "our",   "you",   "your",  "yours", "yourself", "he", "him",   "his",
      "she",   "her",   "it",    "its",  "they",  "them",  "their", "what",  "which", "who",   "whom",  "whose", "when",  "where", "why",   "how",   "not",
      "no",    "nor",   "so",    "too",  "very",  "just",  "as",    "also",  "any",  "some",  "such",  "only",  "own",   "same",  "both",  "each",  "more",
      "most",  "other", "tell",  "explain", "describe", "please", "know", "say", "said", "let", "mean", "means", "like", "want", "hear", "think",
      "again", "ok",    "okay",  "yes",  "well",  "um",    "uh",    "hey",   "hi",   "hello", "really", "actually", "thing", "things", "something", "anything",
      "exactly", "remember", "much", "many", "ever", "one", "up", "out", "all", "because", "while", "t", "s"};
  return words;
}

const Words& weak_stems() {
  static const Words stems = {"work", "make", "us",  "get",  "go",  "give", "take", "need", "happen", "find",  "look", "come", "put",  "help",
                              "kind", "sort", "long", "often", "soon", "far", "support", "provid", "show", "requir", "way", "part", "lot", "good", "time", "person", "peopl", "user", "new",  "now",  "bit"};
  return stems;
}

// Each row: words that may stand for one another, as stems.
const std::vector<std::vector<std::string_view>>& synonym_rows() {
  static const std::vector<std::vector<std::string_view>> rows = {
      {"begin", "start", "open"}, {"end", "finish", "stop", "close"}, {"big", "larg", "size"}, {"bui", "purchas", "order"}, {"cost", "price", "fee", "charg", "expens"},
      {"job", "profess", "occup", "career"}, {"live", "resid", "home"}, {"child", "kid", "son", "daughter"}, {"pictur", "photo", "imag"},
      {"car", "vehicl"}, {"doctor", "physician"}, {"phone", "telephon"}, {"speak", "talk", "convers"}, {"fast", "quick", "quickli", "speed", "latenc", "delai", "slow"},
      {"store", "save", "record", "keep", "write", "log"}, {"databas", "postgresql", "postgr", "sql", "data"}, {"interrupt", "bargein", "cut"},
      {"creat", "make", "build", "add"}, {"chang", "choos", "set", "select", "configur", "switch", "pick"}, {"llm", "model"},
      {"instal", "setup"}, {"return", "refund"}, {"support", "assist"}, {"born", "birthdai", "birth"}, {"ag", "old"}, {"document", "knowledg", "file", "pdf"},
      {"love", "enjoi", "favourit", "favorit", "hobbi"}, {"eat", "food", "meal"}, {"compani", "busi", "firm"}, {"wife", "husband", "spous", "marri", "partner"},
      {"name", "call"}, {"plug", "connect", "attach"}, {"ill", "sick", "diseas"}, {"holidai", "vacat", "leav"}, {"salari", "pai", "wage"},
      {"allow", "permit"}, {"free", "cost"}, {"offlin", "network", "internet", "local"}, {"program", "languag", "code"}, {"safe", "secur", "privaci", "privat"}};
  return rows;
}

const std::unordered_map<std::string_view, std::string_view>& contractions() {
  static const std::unordered_map<std::string_view, std::string_view> table = {
      {"what's", "what is"}, {"who's", "who is"},   {"where's", "where is"}, {"how's", "how is"}, {"when's", "when is"}, {"it's", "it is"},   {"that's", "that is"},
      {"there's", "there is"}, {"name's", "name is"}, {"i'm", "i am"},      {"you're", "you are"}, {"we're", "we are"}, {"they're", "they are"}, {"i've", "i have"},
      {"you've", "you have"}, {"don't", "do not"}, {"doesn't", "does not"}, {"didn't", "did not"}, {"can't", "can not"}, {"cannot", "can not"}, {"won't", "will not"},
      {"isn't", "is not"}, {"aren't", "are not"}, {"i'd", "i would"},     {"i'll", "i will"},   {"you'll", "you will"}, {"let's", "let us"}};
  return table;
}

// The dictionary form of words whose forms stemming does not bring together.
const std::unordered_map<std::string_view, std::string_view>& irregular_forms() {
  static const std::unordered_map<std::string_view, std::string_view> table = {
      {"taught", "teach"}, {"wrote", "write"},   {"written", "write"}, {"built", "build"}, {"bought", "buy"},  {"sold", "sell"},   {"paid", "pay"},    {"met", "meet"},   {"kept", "keep"},
      {"left", "leave"},   {"won", "win"},       {"began", "begin"},   {"begun", "begin"}, {"spoke", "speak"}, {"spoken", "speak"}, {"grew", "grow"},  {"grown", "grow"}, {"chose", "choose"},
      {"chosen", "choose"}, {"ran", "run"},      {"saw", "see"},       {"seen", "see"},    {"ate", "eat"},     {"eaten", "eat"},   {"drove", "drive"}, {"driven", "drive"}, {"fell", "fall"},
      {"lost", "lose"},    {"held", "hold"},     {"sent", "send"},     {"spent", "spend"}, {"went", "go"},     {"gone", "go"},     {"came", "come"},   {"gave", "give"},  {"given", "give"},
      {"took", "take"},    {"taken", "take"},    {"made", "make"},     {"flew", "fly"},    {"flown", "fly"},   {"drew", "draw"},   {"drawn", "draw"},  {"slept", "sleep"}, {"brought", "bring"},
      {"caught", "catch"}, {"fought", "fight"},  {"sang", "sing"},     {"sung", "sing"},   {"swam", "swim"},   {"rode", "ride"},   {"ridden", "ride"}, {"broke", "break"}, {"broken", "break"},
      {"children", "child"}, {"women", "woman"}, {"men", "man"},       {"wives", "wife"},  {"feet", "foot"},   {"teeth", "tooth"}, {"mice", "mouse"},  {"lives", "live"},  {"died", "die"}};
  return table;
}

bool contains(const std::vector<std::string>& words, std::string_view word) { return std::find(words.begin(), words.end(), word) != words.end(); }

bool has_digit(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool holds_one_of(std::string_view text, std::initializer_list<std::string_view> wanted) {
  const std::vector<std::string> words = plain_words(text);
  return std::any_of(wanted.begin(), wanted.end(), [&](std::string_view word) { return contains(words, word); });
}

// A capital that does not begin the text.
bool holds_a_name(std::string_view text) {
  for (std::size_t i = 2; i < text.size(); ++i)
    if (text[i] >= 'A' && text[i] <= 'Z' && text[i - 1] == ' ' && text[i - 2] != '.' && text[i - 2] != ':') return true;
  return false;
}

bool names_a_number(std::string_view text) {
  return has_digit(text) || holds_one_of(text, {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "twenty", "thirty", "hundred", "thousand"});
}

// "X is ...", "A big X means ...": X within the first words, and a verb that defines right after it.
double definition_factor(std::string_view sentence, const std::string& stem) {
  const std::vector<std::string> words = plain_words(sentence);
  for (std::size_t i = 0; i + 1 < words.size() && i < definition_words_max; ++i) {
    if (porter_stem(words[i]) == stem && (words[i + 1] == "is" || words[i + 1] == "are" || words[i + 1] == "means" || words[i + 1] == "was")) return i == 0 ? definition_bonus : later_definition_bonus;
  }
  return 1;
}

}  // namespace

Asked asked_for(const std::vector<std::string>& question) {
  const auto has = [&](std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return contains(question, word); });
  };
  const auto follows = [&](std::string_view first, std::initializer_list<std::string_view> next) {
    for (std::size_t i = 0; i + 1 < question.size(); ++i)
      if (question[i] == first && std::find(next.begin(), next.end(), question[i + 1]) != next.end()) return true;
    return false;
  };
  if (has({"when"})) return Asked::date;
  if (has({"cost", "costs", "price", "prices", "fee", "pay", "expensive"}) && has({"how", "what"})) return Asked::price;
  if (follows("much", {"is", "are", "does", "do"}) && contains(question, "how")) return Asked::price;
  if (follows("how", {"many", "much", "long", "old", "far", "fast", "big", "high", "heavy", "large", "deep", "tall", "wide"}) || has({"many", "much"})) return Asked::number;
  if (has({"who", "whose"})) return Asked::name;
  if (has({"why"})) return Asked::reason;
  if (has({"where"})) return Asked::place;
  return Asked::anything;
}

bool gives(Asked kind, std::string_view sentence) {
  switch (kind) {
    case Asked::anything: return false;
    case Asked::date:
      return has_digit(sentence) || holds_one_of(sentence, {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "mondays", "tuesdays", "wednesdays",
                                                            "thursdays", "fridays", "saturdays", "sundays", "january", "february", "march", "april", "june", "july", "august",
                                                            "september", "october", "november", "december", "morning", "evening", "noon", "day", "daily"}) ||
             names_a_number(sentence);
    case Asked::number: return names_a_number(sentence);
    case Asked::price:
      return holds_one_of(sentence, {"euro", "euros", "dollar", "dollars", "cent", "cents", "pound", "pounds", "free", "nothing", "usd", "eur", "charge", "percent"}) ||
             sentence.find_first_of("$%") != std::string_view::npos || sentence.find("\u20AC") != std::string_view::npos;
    case Asked::name: return holds_a_name(sentence);
    case Asked::reason: return holds_one_of(sentence, {"because", "since", "so", "reason", "therefore", "comes", "means", "show", "shows", "due"});
    case Asked::place: return holds_one_of(sentence, {"in", "at", "near", "under", "on", "behind", "beside", "from"});
  }
  return false;
}

bool is_stop_word(std::string_view word) { return stop_words().contains(word); }
bool is_weak_term(std::string_view stem) { return weak_stems().contains(stem); }

std::vector<std::string> plain_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto flush = [&] {
    while (word.ends_with('\'')) word.pop_back();
    if (word.empty()) return;
    if (const auto open = contractions().find(word); open != contractions().end()) {
      const std::size_t blank = open->second.find(' ');
      words.emplace_back(open->second.substr(0, blank));
      words.emplace_back(open->second.substr(blank + 1));
    } else {
      if (word.ends_with("'s")) word.resize(word.size() - 2);
      words.push_back(word);
    }
    word.clear();
  };
  const std::string lower = to_lower(text);
  for (std::size_t i = 0; i < lower.size(); ++i) {
    const auto c = static_cast<unsigned char>(lower[i]);
    if (lower.compare(i, 3, "\u2019") == 0) {
      if (!word.empty()) word += '\'';
      i += 2;
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80 || (c == '\'' && !word.empty())) {
      word += static_cast<char>(c);
    } else {
      flush();
    }
  }
  flush();
  return words;
}

std::vector<std::string> content_terms(std::string_view text) {
  std::vector<std::string> terms;
  for (const std::string& word : plain_words(text)) {
    if (is_stop_word(word)) continue;
    const auto base = irregular_forms().find(word);
    terms.push_back(porter_stem(base == irregular_forms().end() ? std::string_view(word) : base->second));
  }
  return terms;
}

Query::Query(std::string_view question) : words_(plain_words(question)) {
  for (const std::string& stem : content_terms(question)) add(stem, is_weak_term(stem) ? weak_weight : 1.0, true, is_weak_term(stem));
  const bool defines = words_.size() > 2 && (words_[0] == "what" || words_[0] == "who") && (words_[1] == "is" || words_[1] == "are");
  if (defines && concepts_.size() <= 2 && !concepts_.empty()) defined_ = concepts_.back().stems.front();
}

bool Query::vague() const {
  return std::all_of(concepts_.begin(), concepts_.end(), [](const Concept& wanted) { return wanted.weak; });
}

void Query::add_context(std::string_view text, double weight) {
  const bool alone = vague();
  for (const std::string& stem : content_terms(text)) {
    if (!is_weak_term(stem)) add(stem, weight, alone, false);
  }
}

void Query::add(const std::string& stem, double weight, bool required, bool weak) {
  for (const Concept& known : concepts_) {
    if (known.stems.front() == stem) return;
  }
  Concept added{{stem}, weight, required, weak};
  for (const auto& row : synonym_rows()) {
    if (std::find(row.begin(), row.end(), stem) == row.end()) continue;
    for (const std::string_view other : row) {
      if (!contains(added.stems, other)) added.stems.emplace_back(other);
    }
  }
  concepts_.push_back(std::move(added));
}

void SentenceIndex::add(std::string text, int source, int position) {
  std::map<std::string, int> counts;
  std::size_t length = 0;
  for (std::string& term : content_terms(text)) ++counts[std::move(term)], ++length;
  sentences_.push_back({std::move(text), source, position});
  terms_.push_back(std::move(counts));
  lengths_.push_back(length);
  length_total_ += length;
}

double SentenceIndex::match(const Query::Concept& wanted, std::size_t sentence) const {
  double best = 0;
  for (std::size_t i = 0; i < wanted.stems.size(); ++i) {
    const auto found = terms_[sentence].find(wanted.stems[i]);
    if (found != terms_[sentence].end()) best = std::max(best, found->second * (i == 0 ? 1.0 : synonym_weight));
  }
  return best;
}

std::vector<double> SentenceIndex::rarities(const Query& query) const {
  const auto total = static_cast<double>(sentences_.size());
  std::vector<double> rarity;
  for (const auto& wanted : query.concepts_) {
    double holders = 0;
    for (std::size_t s = 0; s < sentences_.size(); ++s) holders += match(wanted, s) > 0 ? 1 : 0;
    rarity.push_back(std::log(1 + (total - holders + 0.5) / (holders + 0.5)) * wanted.weight);
  }
  return rarity;
}

bool SentenceIndex::leans_on_previous(std::size_t s) const {
  if (s == 0 || sentences_[s].source != sentences_[s - 1].source) return false;
  const std::vector<std::string> words = plain_words(sentences_[s].text.substr(0, 20));
  return !words.empty() && (words[0] == "it" || words[0] == "they" || words[0] == "this" || words[0] == "these" || words[0] == "he" || words[0] == "she");
}

std::vector<SentenceIndex::Hit> SentenceIndex::rank(const Query& query) const {
  const std::vector<double> rarity = rarities(query);
  double wanted_total = 0;
  for (std::size_t c = 0; c < rarity.size(); ++c) wanted_total += query.concepts_[c].required ? rarity[c] : 0;
  const double mean_length = sentences_.empty() ? 1 : std::max(1.0, static_cast<double>(length_total_) / static_cast<double>(sentences_.size()));
  const Asked asked = asked_for(query.words_);
  std::vector<Hit> hits(sentences_.size());
  for (std::size_t s = 0; s < sentences_.size(); ++s) {
    double score = 0, covered = 0;
    for (std::size_t c = 0; c < rarity.size(); ++c) {
      const double count = match(query.concepts_[c], s);
      if (count <= 0) continue;
      score += rarity[c] * count * (k1 + 1) / (count + k1 * (1 - b + b * static_cast<double>(lengths_[s]) / mean_length));
      if (query.concepts_[c].required) covered += rarity[c] * std::min(count, 1.0);
    }
    if (score > 0 && gives(asked, sentences_[s].text)) score *= hint_bonus;
    if (score > 0 && !query.defined_.empty()) score *= definition_factor(sentences_[s].text, query.defined_);
    if (leans_on_previous(s)) {
      score += previous_share * hits[s - 1].score;
      covered = std::max(covered, previous_share * hits[s - 1].coverage * wanted_total);
    }
    hits[s] = {s, score, wanted_total > 0 ? covered / wanted_total : 0};
  }
  std::erase_if(hits, [](const Hit& hit) { return hit.score <= 0; });
  std::stable_sort(hits.begin(), hits.end(), [](const Hit& x, const Hit& y) { return x.score > y.score; });
  return hits;
}

}  // namespace repartee::pipeline
