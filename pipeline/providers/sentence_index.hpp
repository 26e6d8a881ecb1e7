// Finds the sentences that answer a question: BM25 (Robertson and Zaragoza, 2009) over stems, with a small table of synonyms and hints
// from the kind of question ("when" wants a date, "how many" a number).
// Thread contract: a value; rank() is const.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace repartee::pipeline {

// The words that carry meaning, stemmed; stop words are left out.
std::vector<std::string> content_terms(std::string_view text);
std::vector<std::string> plain_words(std::string_view text);  // lower case, contractions opened ("what's" -> what is), no punctuation
bool is_stop_word(std::string_view lower_case_word);
// What kind of answer the question's words ask for: "when" a date, "how many" a number, "how much is" a price, "who" a name.
enum class Asked { anything, date, number, price, name, reason, place };
Asked asked_for(const std::vector<std::string>& question_words);
bool gives(Asked kind, std::string_view sentence);            // anything: false
constexpr double synonym_weight = 0.8;                        // of a match by a synonym
bool is_weak_term(std::string_view stem);                     // common verbs and the like: they match much and say little

class Query {
 public:
  explicit Query(std::string_view question);
  void add_context(std::string_view text, double weight);     // what the conversation was about, for "how does it work?"
  bool empty() const { return concepts_.empty(); }
  bool vague() const;                                         // nothing but common words: "how does that work"
  struct Concept {
    std::vector<std::string> stems;   // the first is the question's own, the rest synonyms
    double weight = 1;
    bool required = true;             // counts for coverage
    bool weak = false;
  };
  const std::vector<Concept>& concepts() const { return concepts_; }
  const std::vector<std::string>& words() const { return words_; }

 private:
  friend class SentenceIndex;
  void add(const std::string& stem, double weight, bool required, bool weak);

  std::vector<Concept> concepts_;
  std::vector<std::string> words_;    // of the question, for the hints
  std::string defined_;               // "what is X": the stem of X's last word
};

class SentenceIndex {
 public:
  struct Sentence {
    std::string text;
    int source = 0;                   // the caller's
    int position = 0;                 // within the source
  };
  struct Hit {
    std::size_t sentence = 0;
    double score = 0;
    double coverage = 0;              // 0..1: how much of the question, by the rarity of its words, the sentence holds
  };

  void add(std::string text, int source, int position);
  const Sentence& operator[](std::size_t i) const { return sentences_[i]; }
  std::size_t size() const { return sentences_.size(); }
  std::vector<Hit> rank(const Query& query) const;            // best first; only those with a match

 private:
  double match(const Query::Concept& wanted, std::size_t sentence) const;
  std::vector<double> rarities(const Query& query) const;
  bool leans_on_previous(std::size_t sentence) const;

  std::vector<Sentence> sentences_;
  std::vector<std::map<std::string, int>> terms_;
  std::vector<std::size_t> lengths_;
  std::size_t length_total_ = 0;
};

}  // namespace repartee::pipeline
