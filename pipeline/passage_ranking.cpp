#include "pipeline/passage_ranking.hpp"

#include <algorithm>
#include <cmath>

#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

constexpr double fusion_offset = 60;
constexpr double weak_weight = 0.35;
constexpr double form_weight = 0.1;  // of words that say what kind of answer is wanted, and seldom stand in it

using Stems = std::unordered_set<std::string>;

Stems stems_of(std::string_view text) {
  const auto terms = content_terms(text);
  return {terms.begin(), terms.end()};
}

// "how long", "how many", "what time": the second word.
Stems form_stems(const std::vector<std::string>& words) {
  Stems form;
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    if (words[i] == "how" || (words[i] == "what" && (words[i + 1] == "time" || words[i + 1] == "kind" || words[i + 1] == "sort")))
      for (const auto& stem : content_terms(words[i + 1])) form.insert(stem);
  return form;
}

// "city-guide_2024.md" -> "city guide 2024"
std::string name_words(std::string_view filename) {
  std::string words(filename.substr(0, filename.rfind('.')));
  std::replace_if(
      words.begin(), words.end(), [](char c) { return c == '-' || c == '_' || c == '.'; }, ' ');
  return words;
}

}  // namespace

std::vector<std::string> question_words(std::string_view question, std::size_t count) {
  std::vector<std::string> words;
  for (const std::string& word : plain_words(question)) {
    if (words.size() == count) break;
    if (!is_stop_word(word) && std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  }
  return words;
}

std::vector<std::string> sentences_to_embed(std::string_view text) {
  static const std::unordered_set<std::string_view> pronouns = {"it", "its", "they", "their", "this", "these",
                                                                "he", "his", "she",  "her",   "there"};
  std::vector<std::string> sentences = split_sentences(text);
  for (std::size_t i = sentences.size(); i > 1; --i) {
    const auto words = plain_words(std::string_view(sentences[i - 1]).substr(0, utf8_cut(sentences[i - 1], 20)));
    if (!words.empty() && pronouns.contains(words[0])) sentences[i - 1] = sentences[i - 2] + ' ' + sentences[i - 1];
  }
  return sentences;
}

std::vector<std::pair<std::string, double>> reciprocal_rank_fusion(const std::vector<std::vector<std::string>>& lists) {
  std::vector<std::pair<std::string, double>> fused;
  std::map<std::string, std::size_t, std::less<>> places;
  for (const auto& list : lists) {
    for (std::size_t position = 0; position < list.size(); ++position) {
      const auto [place, added] = places.emplace(list[position], fused.size());
      if (added) fused.emplace_back(list[position], 0.0);
      fused[place->second].second += 1 / (fusion_offset + static_cast<double>(position + 1));
    }
  }
  std::stable_sort(fused.begin(), fused.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return fused;
}

QuestionModel::QuestionModel(std::string_view question, const WordCounts& counts, double around_weight)
    : query_(question), asked_(asked_for(query_.words())), around_weight_(around_weight) {
  std::map<std::string, std::size_t> holders;  // by stem
  for (const auto& [word, count] : counts.holders)
    for (const std::string& stem : content_terms(word)) holders[stem] = std::max(holders[stem], count);
  const auto total = static_cast<double>(std::max<std::size_t>(counts.passages, 1));
  const auto form = form_stems(query_.words());
  for (const auto& wanted : query_.concepts()) {
    const auto found = holders.find(wanted.stems.front());
    const double known = found == holders.end() ? total / 2 : std::min(static_cast<double>(found->second), total);
    const double rarity = counts.passages == 0 ? 1 : std::log(1 + (total - known + 0.5) / (known + 0.5)) / std::log(2 * total + 2);
    weights_.push_back(std::max(rarity, 0.05) * (form.contains(wanted.stems.front()) ? form_weight : wanted.weak ? weak_weight : 1));
  }
}

double QuestionModel::coverage(const Stems& stems, const Stems& also) const {
  double covered = 0, all = 0;
  for (std::size_t c = 0; c < weights_.size(); ++c) {
    const auto& wanted = query_.concepts()[c];
    double best = 0;
    for (std::size_t i = 0; i < wanted.stems.size(); ++i) {
      const double weight = i == 0 ? 1 : synonym_weight;
      if (stems.contains(wanted.stems[i])) best = std::max(best, weight);
      else if (also.contains(wanted.stems[i])) best = std::max(best, weight * around_weight_);
    }
    covered += best * weights_[c];
    all += weights_[c];
  }
  return all > 0 ? covered / all : 0;
}

namespace {

// Without a number there is no "how many"; without a preposition there may well be a "where".
bool is_strict(Asked kind) { return kind == Asked::date || kind == Asked::number || kind == Asked::price || kind == Asked::name; }

bool is_heading(std::string_view sentence) {
  return !sentence.empty() && std::string_view(".!?;\"").find(sentence.back()) == std::string_view::npos;
}

// Of one passage: its sentences' scores. Words count that stand in the sentence, in those beside it or in the document's name.
std::vector<float> sentence_scores(const QuestionModel& question, const RankedInput& input, const RankingOptions& options) {
  const std::vector<std::string> sentences = split_sentences(input.passage.text);
  std::vector<Stems> stems;
  for (const auto& sentence : sentences) stems.push_back(stems_of(sentence));
  const Stems name = stems_of(name_words(input.passage.filename));
  std::vector<float> scores;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    if (i == 0 && sentences.size() > 1 && is_heading(sentences[0])) {  // says what the rest is about, and answers nothing
      scores.push_back(0);
      continue;
    }
    Stems around = name;
    if (i > 0) around.insert(stems[i - 1].begin(), stems[i - 1].end());
    if (i > 1) around.insert(stems[0].begin(), stems[0].end());  // a heading, or what it is about
    double score = question.coverage(stems[i], around);
    if (input.cosines.size() == sentences.size()) {
      const double cosine =
          std::clamp((static_cast<double>(input.cosines[i]) - options.cosine_floor) / (1 - options.cosine_floor), 0.0, 1.0);
      score = options.coverage_weight * score + options.cosine_weight * cosine;
    }
    if (gives(question.asked(), sentences[i])) score += options.asked_for_bonus;
    else if (is_strict(question.asked()) && !(question.asked() == Asked::price && gives(Asked::number, sentences[i])))
      score *= options.not_asked_for_factor;
    scores.push_back(static_cast<float>(std::min(score, 1.0)));
  }
  return scores;
}

}  // namespace

std::vector<Passage> rank_passages(std::string_view question, const WordCounts& counts, std::vector<RankedInput> passages,
                                   std::size_t count, const RankingOptions& options) {
  const QuestionModel model(question, counts, options.around_weight);
  double best = 0;
  std::vector<Passage> ranked;
  for (auto& input : passages) {
    input.passage.sentence_scores = sentence_scores(model, input, options);
    const auto& scores = input.passage.sentence_scores;
    input.passage.score = scores.empty() ? 0 : static_cast<double>(*std::max_element(scores.begin(), scores.end()));
    const double enough = input.cosines.empty() ? options.words_only_min : options.relevant_min;
    if (input.passage.score < enough) continue;
    best = std::max(best, input.passage.score);
    ranked.push_back(std::move(input.passage));
  }
  std::erase_if(ranked, [&](const Passage& passage) { return passage.score < options.relevant_share_min * best; });
  std::stable_sort(ranked.begin(), ranked.end(), [](const Passage& a, const Passage& b) { return a.score > b.score; });
  if (ranked.size() > count) ranked.resize(count);
  return ranked;
}

}  // namespace repartee::pipeline
