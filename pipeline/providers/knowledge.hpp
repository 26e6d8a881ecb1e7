// What a clone can say about the world: its persona's and instructions' statements and the passages found for the question, as one
// sentence index.
// Thread contract: a value; made for one answer.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/providers.hpp"
#include "pipeline/providers/sentence_index.hpp"

namespace repartee::pipeline {

class Knowledge {
 public:
  struct Limits {
    std::size_t text_bytes_max = 32 * 1024, passages_max = 16;
  };
  Knowledge(const LlmRequest& request, Limits limits);

  const std::string& name() const { return name_; }                        // who speaks; may be empty
  const std::vector<std::string>& statements() const { return statements_; }  // of instructions and persona, in the first person
  std::vector<std::string> topics(std::size_t count) const;                // what one may ask about

  // One to three sentences, ready to be said; empty: nothing fits. `said`: sentences to leave out.
  std::string answer(const Query& query, const std::vector<std::string>& said) const;

 private:
  int mentions(const std::string& subject) const;                          // sentences that hold a word of it
  bool fits(const SentenceIndex::Hit& hit) const;
  bool is_passage(int source) const { return source < static_cast<int>(documents_.size()); }
  struct Shares {
    double companion, neighbour;   // of the best score, for a further sentence, and for the one right after it
  };
  std::vector<std::size_t> choose(const std::vector<SentenceIndex::Hit>& hits, std::size_t best, Shares shares) const;
  std::vector<SentenceIndex::Hit> judged() const;                          // the passages' sentences as the retriever scored them, best first
  std::string quoted(const std::vector<std::size_t>& sentences) const;     // naming the document they are of

  std::string name_;
  std::vector<std::string> documents_;  // names, by source; the sources after them are persona and instructions
  std::vector<std::string> statements_;
  SentenceIndex index_;
  std::vector<double> scores_;          // the retriever's, of the index's first sentences; below 0: none was given
};

}  // namespace repartee::pipeline
