// Which passages answer a question: the lists that words and vectors found, put together, and a judgement of every sentence of the best
// ones, by which those that only look like it are left out.
// Thread contract: pure functions and values.
// Fusion: Cormack, Clarke and Buettcher, 2009, "Reciprocal rank fusion outperforms Condorcet".
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "pipeline/providers.hpp"
#include "pipeline/providers/sentence_index.hpp"

namespace repartee::pipeline {

// How many of the passages that may be searched hold a word; what is rare says more.
struct WordCounts {
  std::map<std::string, std::size_t> holders;  // by word, as question_words() gives them
  std::size_t passages = 0;                    // all that may be searched
};

// The words of a question that are worth searching, as they are written, lower case, each once, at most `count`.
std::vector<std::string> question_words(std::string_view question, std::size_t count = 24);

// Positions of things in several lists, best first, to one order: the sum of 1 / (60 + position). Returns (thing, score), best first;
// things with equal scores in the order of the lists.
std::vector<std::pair<std::string, double>> reciprocal_rank_fusion(const std::vector<std::vector<std::string>>& lists);

class QuestionModel {
 public:
  // around_weight: of a word that does not stand in the text itself.
  QuestionModel(std::string_view question, const WordCounts& counts, double around_weight = 0.6);
  // How much of the question, by the rarity of its words, these hold: 0..1. `also`: what stands around the text (its document's name, the
  // sentences next to it), which counts for less.
  double coverage(const std::unordered_set<std::string>& stems, const std::unordered_set<std::string>& also) const;
  Asked asked() const { return asked_; }
  bool empty() const { return query_.empty(); }

 private:
  Query query_;
  Asked asked_;
  std::vector<double> weights_;  // of query_.concepts()
  double around_weight_;
};

// The sentences of a passage as they are embedded: one that begins with a pronoun together with the one before it.
std::vector<std::string> sentences_to_embed(std::string_view text);

struct RankingOptions {
  double coverage_weight = 0.6, cosine_weight = 0.4;          // of a sentence's score, where there are vectors
  double around_weight = 0.6, cosine_floor = 0.2;             // cosine_floor: what sentences with nothing in common have
  double asked_for_bonus = 0.04, not_asked_for_factor = 0.8;  // of what holds the kind of thing that is asked for, and what does not
  double relevant_min = 0.48;                                 // a passage whose best sentence scores less is left out
  double relevant_share_min = 0.6;                            // and one whose best scores less than this share of the best one's
  double words_only_min = 0.55;                               // the same as relevant_min, where there are no vectors
};

struct RankedInput {
  Passage passage;
  double fused = 0;
  std::vector<float> cosines;  // of its sentences with the question; empty: there are no vectors
};

// Scores every sentence, leaves out what does not fit, best passage first, at most `count`. A passage's score is its best sentence's.
std::vector<Passage> rank_passages(std::string_view question, const WordCounts& counts, std::vector<RankedInput> passages,
                                   std::size_t count, const RankingOptions& options = {});

}  // namespace repartee::pipeline
