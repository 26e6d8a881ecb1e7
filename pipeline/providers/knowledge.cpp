#include "pipeline/providers/knowledge.hpp"

#include <algorithm>
#include <array>

#include "pipeline/providers/persona_text.hpp"
#include "pipeline/speakable_text.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

// How much of a question a sentence must hold. The retriever has already found a passage to fit; a persona is all there is.
constexpr double passage_coverage_min = 0.34;
constexpr double persona_coverage_min = 0.5;
constexpr double judged_min = 0.3;            // of a sentence that the retriever has scored; what it finds wanting it leaves out itself
constexpr double persona_lead_min = 0.25;      // by which a persona's sentence must be better than a passage's to be preferred
constexpr std::size_t passage_sentences_max = 3, persona_sentences_max = 2;
constexpr std::size_t answer_chars_max = 320;
constexpr std::size_t sentence_chars_max = 400;
constexpr std::size_t subject_words_max = 3;
constexpr std::size_t extension_chars_max = 6;  // with its dot

// `words` (lower case, at the beginning of `statement`) as they are written there; an ordinary first word stays lower case.
std::string statement_case(const std::string& statement, const std::string& words) {
  std::string written = statement.substr(0, words.size());
  if (to_lower(written) != words) return words;
  const bool name = written.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1) != std::string::npos;
  if (!name || written.find(' ') != std::string::npos) written[0] = words[0];
  return written;
}

// "city-guide_2024.md" -> "city guide 2024": as one says it.
std::string readable(std::string_view filename) {
  const std::size_t dot = filename.rfind('.');
  if (dot != std::string_view::npos && dot > 0 && filename.size() - dot <= extension_chars_max) filename = filename.substr(0, dot);
  std::string spaced(filename.substr(0, utf8_cut(filename, 100)));
  std::replace_if(spaced.begin(), spaced.end(), [](char c) { return c == '_' || c == '-'; }, ' ');
  const std::string plain = speakable_text(spaced);
  return plain.empty() ? "a document" : plain;
}

// "A clone is ...", "Latency means ...", "My voice is ..." -> "a clone", "latency", "my voice": what a statement is about. Empty: not that simple.
std::string subject_of(const std::string& statement) {
  const std::vector<std::string> words = plain_words(statement);
  static constexpr std::array<std::string_view, 14> verbs = {"is", "are", "was", "were", "means", "has", "have", "lasts", "moves", "runs", "works", "comes", "live", "lives"};
  static constexpr std::array<std::string_view, 6> articles = {"a", "an", "the", "my", "our", "his"};
  const std::size_t begin = !words.empty() && std::find(articles.begin(), articles.end(), words[0]) != articles.end() ? 1 : 0;
  std::string subject = begin == 1 ? words[0] : std::string{};
  for (std::size_t i = begin; i < words.size() && i < begin + subject_words_max + 1; ++i) {
    if (i > begin && std::find(verbs.begin(), verbs.end(), words[i]) != verbs.end()) return statement_case(statement, subject);
    if (is_stop_word(words[i])) return {};
    subject += (subject.empty() ? "" : " ") + words[i];
  }
  return {};
}

bool begins_with_pronoun(std::string_view sentence) {
  const std::vector<std::string> words = plain_words(sentence.substr(0, 20));
  return !words.empty() && (words[0] == "it" || words[0] == "they" || words[0] == "this" || words[0] == "these" || words[0] == "he" || words[0] == "she");
}

}  // namespace

Knowledge::Knowledge(const LlmRequest& request, Limits limits) {
  std::size_t bytes_left = limits.text_bytes_max;
  // As they are said; those that cannot be are empty, so that the rest keep their places.
  const auto sentences_of = [&](std::string_view text) {
    const std::size_t take = utf8_cut(text, bytes_left);
    bytes_left -= take;
    std::vector<std::string> sentences;
    for (const std::string& sentence : split_sentences(text.substr(0, take))) {
      std::string plain = speakable_text(sentence);
      const bool sayable = !plain.empty() && plain.size() <= sentence_chars_max;
      sentences.push_back(sayable ? with_full_stop(std::move(plain)) : std::string());
    }
    return sentences;
  };
  const std::vector<std::string> instructions = sentences_of(request.instructions);
  const std::vector<std::string> persona = sentences_of(request.persona);
  for (std::size_t p = 0; p < std::min(request.passages.size(), limits.passages_max); ++p) {
    documents_.push_back(readable(request.passages[p].filename));
    const auto& given = request.passages[p].sentence_scores;
    std::vector<std::string> sentences = sentences_of(request.passages[p].text);
    for (std::size_t i = 0; i < sentences.size(); ++i) {
      if (sentences[i].empty()) continue;
      index_.add(std::move(sentences[i]), static_cast<int>(p), static_cast<int>(i));
      scores_.push_back(i < given.size() ? static_cast<double>(given[i]) : -1);
    }
  }
  int source = static_cast<int>(documents_.size());
  for (const auto* part : {&instructions, &persona}) {
    int position = 0;
    for (const std::string& sentence : *part) {
      if (sentence.empty() || is_order(sentence)) continue;
      statements_.push_back(to_first_person(sentence));
      index_.add(statements_.back(), source, position++);
    }
    ++source;
  }
  name_ = name_in(request.instructions);
  if (name_.empty()) name_ = name_in(request.persona);
  if (name_.empty() && request.clone_name != "default") name_ = request.clone_name;
}

// "a turn", "every clone": what a sentence is about, but not what one would name when asked for a topic.
static bool is_indefinite(const std::string& subject) {
  const std::string lower = to_lower(subject);
  for (const char* word : {"a ", "an ", "any ", "each ", "every ", "everything", "running ", "some "})
    if (lower.starts_with(word)) return true;
  return false;
}

std::vector<std::string> Knowledge::topics(std::size_t count) const {
  std::vector<std::string> out;
  const auto add = [&](const std::string& topic) {
    if (out.size() < count && !topic.empty() && std::find(out.begin(), out.end(), topic) == out.end()) out.push_back(topic);
  };
  for (const std::string& document : documents_) add(document);
  std::vector<std::pair<int, std::string>> ranked;
  for (const std::string& statement : statements_) {
    const std::string subject = subject_of(statement);
    if (subject.empty() || is_indefinite(subject) || content_terms(subject) == content_terms(name_)) continue;
    const auto known = std::find_if(ranked.begin(), ranked.end(), [&](const auto& entry) { return entry.second == subject; });
    if (known == ranked.end()) ranked.emplace_back(mentions(subject), subject);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& x, const auto& y) { return x.first > y.first; });
  for (const auto& [weight, subject] : ranked) add(subject);
  return out;
}

int Knowledge::mentions(const std::string& subject) const {
  const Query query(subject);
  return static_cast<int>(index_.rank(query).size());
}

bool Knowledge::fits(const SentenceIndex::Hit& hit) const {
  return hit.coverage >= (is_passage(index_[hit.sentence].source) ? passage_coverage_min : persona_coverage_min);
}

// The best sentence first, with the one it leans on before it; then others of the same source that fit nearly as well.
std::vector<std::size_t> Knowledge::choose(const std::vector<SentenceIndex::Hit>& hits, std::size_t best, Shares shares) const {
  const SentenceIndex::Hit& first = hits[best];
  const auto& lead = index_[first.sentence];
  std::vector<std::size_t> chosen;
  if (begins_with_pronoun(lead.text) && first.sentence > 0 && index_[first.sentence - 1].source == lead.source) chosen.push_back(first.sentence - 1);
  chosen.push_back(first.sentence);
  const std::size_t sentences_max = is_passage(lead.source) ? passage_sentences_max : persona_sentences_max;
  std::size_t chars = 0;
  for (const std::size_t sentence : chosen) chars += index_[sentence].text.size();
  for (std::size_t h = best + 1; h < hits.size() && chosen.size() < sentences_max; ++h) {
    const auto& other = index_[hits[h].sentence];
    const bool next = hits[h].sentence == chosen.back() + 1;
    const double share = hits[h].score / first.score;
    if (other.source != lead.source || !fits(hits[h]) || chars + other.text.size() > answer_chars_max) continue;
    if (!(next && share >= shares.neighbour) && !(share >= shares.companion && !begins_with_pronoun(other.text))) continue;
    if (std::find(chosen.begin(), chosen.end(), hits[h].sentence) != chosen.end()) continue;
    chars += other.text.size();
    chosen.push_back(hits[h].sentence);
  }
  return chosen;
}

std::vector<SentenceIndex::Hit> Knowledge::judged() const {
  std::vector<SentenceIndex::Hit> hits;
  for (std::size_t s = 0; s < scores_.size(); ++s)
    if (scores_[s] > 0) hits.push_back({s, scores_[s], scores_[s]});
  std::stable_sort(hits.begin(), hits.end(), [](const auto& x, const auto& y) { return x.score > y.score; });
  return hits;
}

std::string Knowledge::quoted(const std::vector<std::size_t>& sentences) const {
  std::string text;
  for (const std::size_t sentence : sentences) text += (text.empty() ? "" : " ") + index_[sentence].text;
  const int source = index_[sentences.front()].source;
  return is_passage(source) ? "According to " + documents_[static_cast<std::size_t>(source)] + ", " + continued(std::move(text)) : text;
}

std::string Knowledge::answer(const Query& query, const std::vector<std::string>& said) const {
  std::vector<SentenceIndex::Hit> hits = index_.rank(query);
  const auto was_said = [&](const SentenceIndex::Hit& hit) {
    const std::string& text = index_[hit.sentence].text;
    return std::any_of(said.begin(), said.end(), [&](const std::string& reply) { return reply.find(text.substr(1)) != std::string::npos; });  // its first letter may have changed
  };
  std::erase_if(hits, was_said);
  // Where the retriever has scored sentences, which it did by meaning too, that decides among them.
  auto scored = judged();
  if (!scored.empty()) {
    std::erase_if(hits, [&](const auto& hit) { return is_passage(index_[hit.sentence].source); });
    std::erase_if(scored, was_said);
    const auto persona = std::find_if(hits.begin(), hits.end(), [&](const auto& hit) { return fits(hit); });
    const bool fits_well = !scored.empty() && scored[0].score >= judged_min;
    if (fits_well && (persona == hits.end() || persona->coverage < scored[0].score + persona_lead_min)) return quoted(choose(scored, 0, {.companion = 0.85, .neighbour = 0.8}));
  }
  const auto best = std::find_if(hits.begin(), hits.end(), [&](const auto& hit) { return fits(hit); });
  if (best == hits.end()) return {};
  return quoted(choose(hits, static_cast<std::size_t>(best - hits.begin()), {.companion = 0.75, .neighbour = 0.5}));
}

}  // namespace repartee::pipeline
