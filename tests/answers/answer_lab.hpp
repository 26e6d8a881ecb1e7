// The whole way from documents to answers, on a private cluster: files are read, cut, embedded and stored; questions are looked up and
// answered by the local responder, and the answers are judged by the labelled set (questions.json).
// Thread contract: one thread.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/asio_loops.hpp"
#include "knowledge/stored_passages.hpp"
#include "pipeline/cached_retrieval.hpp"
#include "pipeline/hybrid_retriever.hpp"
#include "pipeline/providers/use_lite.hpp"

namespace repartee::test {

struct LabelledQuestion {
  std::string question, kind, document, split;   // document: its name without extension; empty: nothing answers it. split: dev, held out
  std::vector<std::vector<std::string>> expect;  // one of these, all of its parts, stands in a right answer
  bool answerable() const { return !document.empty(); }
};

struct AnswerFigures {
  int answerable = 0, found = 0, answered_right = 0, answered_wrong = 0, not_answered = 0;
  int unanswerable = 0, wrongly_answered = 0;
  double recall_at_5() const { return share(found, answerable); }
  double answer_rate() const { return share(answered_right, answerable); }
  double wrong_rate() const { return share(answered_wrong + wrongly_answered, answerable + unanswerable); }
  double silence_kept() const { return share(unanswerable - wrongly_answered, unanswerable); }
  void add(const AnswerFigures& other);

 private:
  static double share(int part, int whole) { return whole > 0 ? static_cast<double>(part) / whole : 0; }
};

class MapPhraseCache;

class AnswerLab {
 public:
  struct Outcome {
    const LabelledQuestion* question;
    std::vector<pipeline::Passage> passages;
    std::string answer;
    bool found = false, answered = false, right = false;
  };
  AnswerLab();
  ~AnswerLab();
  const std::vector<LabelledQuestion>& questions() const { return questions_; }
  std::size_t documents() const { return documents_; }
  std::size_t chunks() const { return chunks_; }
  // By split: "dev", "held out".
  std::map<std::string, AnswerFigures> run(const pipeline::HybridRetriever::Options& options, std::vector<Outcome>* outcomes = nullptr);
  Outcome ask(const LabelledQuestion& question, const pipeline::HybridRetriever::Options& options);
  static std::string answer_from(const std::string& question, const std::vector<pipeline::Passage>& passages);

 private:
  void store_documents(const std::string& folder);
  pipeline::Retrieval retrieve(const std::string& question, const pipeline::HybridRetriever::Options& options);

  std::vector<LabelledQuestion> questions_;
  std::size_t documents_ = 0, chunks_ = 0;
  std::string user_id_;
  AsioLoops loops_{1};
  WorkerPool pool_{{.name = "lab", .workers = 2}};
  std::unique_ptr<MapPhraseCache> memory_;
  std::unique_ptr<persistence::Database> app_;
  std::unique_ptr<pipeline::UseLiteEmbedder> use_lite_;
  std::unique_ptr<pipeline::CachedEmbedder> embedder_;
  std::unique_ptr<pipeline::VectorIndex> index_;
  std::unique_ptr<knowledge::IndexKeeper> keeper_;
  std::unique_ptr<knowledge::StoredPassages> passages_;
  std::unique_ptr<knowledge::IndexedVectors> vectors_;
};

}  // namespace repartee::test
