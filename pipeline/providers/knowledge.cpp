#include "pipeline/providers/knowledge.hpp"

#include <algorithm>
#include <map>

#include "pipeline/providers/persona_text.hpp"
#include "pipeline/providers/porter_stemmer.hpp"
#include "pipeline/speakable_text.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

// How much of a question a sentence must hold. The retriever has already found a passage to fit; a persona is all there is.
constexpr double passage_coverage_min = 0.34;
constexpr double persona_coverage_min = 0.5;
constexpr double companion_share_min = 0.6;   // of the best score, for a further sentence
constexpr std::size_t sentences_max = 3;
constexpr std::size_t answer_chars_max = 320;
constexpr std::size_t sentence_chars_max = 400;
constexpr std::size_t topic_chars_min = 4;

std::string readable(std::string_view filename) {
  const std::string plain = speakable_text(filename.substr(0, utf8_cut(filename, 100)));
  return plain.empty() ? "a document" : plain;
}

bool begins_with_pronoun(std::string_view sentence) {
  const std::vector<std::string> words = plain_words(sentence.substr(0, 20));
  return !words.empty() && (words[0] == "it" || words[0] == "they" || words[0] == "this" || words[0] == "these" || words[0] == "he" || words[0] == "she");
}

}  // namespace

Knowledge::Knowledge(const LlmRequest& request, Limits limits) {
  std::size_t bytes_left = limits.text_bytes_max;
  const auto sentences_of = [&](std::string_view text) {
    const std::size_t take = utf8_cut(text, bytes_left);
    bytes_left -= take;
    std::vector<std::string> sentences;
    for (const std::string& sentence : split_sentences(text.substr(0, take))) {
      std::string plain = speakable_text(sentence);
      if (!plain.empty() && plain.size() <= sentence_chars_max) sentences.push_back(with_full_stop(std::move(plain)));
    }
    return sentences;
  };
  const std::vector<std::string> instructions = sentences_of(request.instructions);
  const std::vector<std::string> persona = sentences_of(request.persona);
  for (std::size_t p = 0; p < std::min(request.passages.size(), limits.passages_max); ++p) {
    documents_.push_back(readable(request.passages[p].filename));
    int position = 0;
    for (std::string& sentence : sentences_of(request.passages[p].text)) index_.add(std::move(sentence), static_cast<int>(p), position++);
  }
  int source = static_cast<int>(documents_.size());
  for (const auto* part : {&instructions, &persona}) {
    int position = 0;
    for (const std::string& sentence : *part) {
      if (is_order(sentence)) continue;
      statements_.push_back(to_first_person(sentence));
      index_.add(statements_.back(), source, position++);
    }
    ++source;
  }
  name_ = name_in(request.instructions);
  if (name_.empty()) name_ = name_in(request.persona);
  if (name_.empty() && request.clone_name != "default") name_ = request.clone_name;
}

std::vector<std::string> Knowledge::topics(std::size_t count) const {
  struct Seen {
    int count = 0;
    std::size_t first = 0;
    std::map<std::string, int> forms;
  };
  std::map<std::string, Seen> by_stem;
  std::vector<std::string> own_name = plain_words(name_);
  std::size_t order = 0;
  for (const std::string& statement : statements_) {
    std::size_t begin = 0;
    while (begin < statement.size()) {
      const std::size_t end = std::min(statement.find(' ', begin), statement.size());
      const std::string word = bare_word(std::string_view(statement).substr(begin, end - begin));
      const bool verb_like = word.ends_with("ed") || word.ends_with("ing") || word.ends_with("ly");
      const std::string stem = porter_stem(word);
      if (word.size() >= topic_chars_min && begin > 0 && !verb_like && !is_stop_word(word) && !is_weak_term(stem) && word.find('\'') == std::string::npos &&
          std::find(own_name.begin(), own_name.end(), word) == own_name.end()) {
        Seen& seen = by_stem[stem];
        if (seen.count++ == 0) seen.first = order;
        std::string form(trim(std::string_view(statement).substr(begin, end - begin)));
        while (!form.empty() && std::string_view(".,;:!?\"')(").find(form.back()) != std::string_view::npos) form.pop_back();
        ++seen.forms[form];
      }
      ++order;
      begin = end + 1;
    }
  }
  std::vector<const Seen*> ranked;
  for (const auto& [stem, seen] : by_stem) ranked.push_back(&seen);
  std::sort(ranked.begin(), ranked.end(), [](const Seen* x, const Seen* y) { return x->count != y->count ? x->count > y->count : x->first < y->first; });
  std::vector<std::string> out;
  for (const std::string& document : documents_) {
    if (out.size() < count && std::find(out.begin(), out.end(), document) == out.end()) out.push_back(document);
  }
  for (const Seen* seen : ranked) {
    if (out.size() >= count) break;
    out.push_back(std::max_element(seen->forms.begin(), seen->forms.end(), [](const auto& x, const auto& y) { return x.second < y.second; })->first);
  }
  return out;
}

bool Knowledge::fits(const SentenceIndex::Hit& hit) const {
  return hit.coverage >= (is_passage(index_[hit.sentence].source) ? passage_coverage_min : persona_coverage_min);
}

// The best sentence, what it leans on, and others of the same source that fit nearly as well, in reading order.
std::vector<std::size_t> Knowledge::choose(const std::vector<SentenceIndex::Hit>& hits, std::size_t best) const {
  const SentenceIndex::Hit& first = hits[best];
  std::vector<std::size_t> chosen{first.sentence};
  std::size_t chars = index_[first.sentence].text.size();
  const auto take = [&](std::size_t sentence) {
    const std::size_t size = index_[sentence].text.size();
    if (chosen.size() >= sentences_max || chars + size > answer_chars_max || std::find(chosen.begin(), chosen.end(), sentence) != chosen.end()) return;
    chars += size;
    chosen.push_back(sentence);
  };
  const auto& lead = index_[first.sentence];
  if (begins_with_pronoun(lead.text) && first.sentence > 0 && index_[first.sentence - 1].source == lead.source) take(first.sentence - 1);
  for (std::size_t h = best + 1; h < hits.size(); ++h) {
    const auto& other = index_[hits[h].sentence];
    if (other.source == lead.source && hits[h].score >= companion_share_min * first.score && fits(hits[h]) && !begins_with_pronoun(other.text)) take(hits[h].sentence);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

std::string Knowledge::answer(const Query& query, const std::vector<std::string>& said) const {
  std::vector<SentenceIndex::Hit> hits = index_.rank(query);
  const auto was_said = [&](const SentenceIndex::Hit& hit) {
    const std::string& text = index_[hit.sentence].text;
    return std::any_of(said.begin(), said.end(), [&](const std::string& reply) { return reply.find(text.substr(1)) != std::string::npos; });  // its first letter may have changed
  };
  std::erase_if(hits, was_said);
  const auto best = std::find_if(hits.begin(), hits.end(), [&](const auto& hit) { return fits(hit); });
  if (best == hits.end()) return {};
  std::string text;
  for (const std::size_t sentence : choose(hits, static_cast<std::size_t>(best - hits.begin()))) {
    text += (text.empty() ? "" : " ") + index_[sentence].text;
  }
  const int source = index_[best->sentence].source;
  return is_passage(source) ? "According to " + documents_[static_cast<std::size_t>(source)] + ", " + continued(std::move(text)) : text;
}

}  // namespace repartee::pipeline
