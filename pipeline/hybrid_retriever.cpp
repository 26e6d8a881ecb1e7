#include "pipeline/hybrid_retriever.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "core/log.hpp"
#include "pipeline/providers/closing_handle.hpp"
#include "pipeline/text_rules.hpp"
#include "pipeline/vector_math.hpp"

namespace repartee::pipeline {
namespace {

std::string key_of(const std::string& document_id, int ordinal) { return document_id + '#' + std::to_string(ordinal); }
std::string key_of(const Passage& passage) { return key_of(passage.document_id, passage.ordinal); }

struct Candidates {
  std::vector<RankedInput> passages;  // best first by the fused order
  WordCounts counts;
};

}  // namespace

// One question on its way: its vector -> both searches -> its candidates' sentences' vectors -> judgement.
class HybridRetriever::Call final : public std::enable_shared_from_this<Call> {
 public:
  Call(HybridRetriever& owner, Loop& loop, RetrievalRequest request, std::function<void(Result<Retrieval>)> done)
      : owner_(owner),
        loop_(loop),
        request_(std::move(request)),
        done_(std::move(done)),
        scope_{request_.user_id, request_.echo_id, request_.scope} {
    request_.question.resize(utf8_cut(request_.question, owner.options_.question_bytes_max));
    if (owner.embedder_) retrieval_.embedder = owner.embedder_->name();
  }

  void start() {
    const auto weak = weak_from_this();
    if (request_.scope == "none") {
      timer_ = loop_.after(Duration::zero(), [weak] {
        if (auto self = weak.lock()) self->end(self->retrieval_);
      });
    } else if (owner_.embedder_ && owner_.vectors_ && owner_.options_.use_vectors) {
      embed_question();
    } else {
      search();
    }
  }
  void close() {
    closed_ = true;
    stages_.clear();
    timer_.reset();
  }

 private:
  void embed_question() {
    const auto weak = weak_from_this();
    timer_ = loop_.after(owner_.options_.embedding_patience, [weak] {
      if (auto self = weak.lock()) self->search();
    });
    stages_.push_back(owner_.embedder_->embed(
        loop_, {.texts = {request_.question}, .owner = request_.user_id, .priority = Priority::speculation, .deadline = request_.deadline},
        [weak](Result<Embeddings> made) {
          auto self = weak.lock();
          if (!self || self->closed_ || self->searching_) return;
          if (made && made->vectors.size() == 1) {
            self->vector_ = std::move(made->vectors.front());
            self->retrieval_.input_tokens += made->input_tokens;
          } else if (!made) {
            log::warn("knowledge", "a question was not embedded: its words alone decide", {{"why", made.error().message}});
          }
          self->search();
        }));
  }

  void search() {
    if (closed_ || std::exchange(searching_, true)) return;
    timer_.reset();
    const auto weak = weak_from_this();
    stages_.push_back(run_on_pool<Candidates>(
        owner_.pool_, loop_, Priority::speculation, request_.deadline,
        [&owner = owner_, scope = scope_, question = request_.question, vector = vector_] {
          return candidates(owner, scope, question, vector);
        },
        [weak](Result<Candidates> found) {
          if (auto self = weak.lock(); self && !self->closed_) self->embed_sentences(std::move(found));
        }));
  }

  // On the pool.
  static Result<Candidates> candidates(HybridRetriever& owner, const KnowledgeScope& scope, const std::string& question,
                                       const std::vector<float>& vector) {
    const Options& options = owner.options_;
    Candidates out;
    std::map<std::string, Passage> known;
    std::vector<std::vector<std::string>> lists;
    if (const auto words = question_words(question); !words.empty()) {
      auto found = owner.store_.by_words(scope, words, options.use_words ? options.candidates_max : 1);
      if (!found) return found.error();
      out.counts = std::move(found->counts);
      if (!options.use_words) found->passages.clear();
      lists.emplace_back();
      for (auto& passage : found->passages) {
        lists.back().push_back(key_of(passage));
        known.emplace(lists.back().back(), std::move(passage));
      }
    }
    std::vector<VectorHit> missing;
    if (!vector.empty()) {
      const auto near = owner.vectors_->nearest(scope, vector, options.candidates_max);
      if (!near) log::warn("knowledge", "the vectors could not be searched", {{"why", near.error().message}});
      lists.emplace_back();
      for (const auto& hit : near ? *near : std::vector<VectorHit>{}) {
        lists.back().push_back(key_of(hit.document_id, hit.ordinal));
        if (!known.contains(lists.back().back())) missing.push_back(hit);
      }
    }
    auto order = reciprocal_rank_fusion(lists);
    order.resize(std::min(order.size(), options.judged_max));
    std::erase_if(missing, [&](const VectorHit& hit) {
      return std::none_of(order.begin(), order.end(),
                          [key = key_of(hit.document_id, hit.ordinal)](const auto& entry) { return entry.first == key; });
    });
    if (!missing.empty()) {
      auto texts = owner.store_.fetch(scope, missing);
      if (!texts) return texts.error();
      for (auto& passage : *texts) known.emplace(key_of(passage), std::move(passage));
    }
    for (const auto& [key, fused] : order)
      if (const auto place = known.find(key); place != known.end()) out.passages.push_back({std::move(place->second), fused, {}});
    return out;
  }

  // Of a metered embedder only the question is asked.
  void embed_sentences(Result<Candidates> found) {
    if (!found) return end(found.error());
    candidates_ = std::move(found).value();
    if (vector_.empty() || owner_.embedder_->is_metered()) return judge();
    std::vector<std::string> sentences;
    for (const auto& input : candidates_.passages) {
      auto parts = sentences_to_embed(input.passage.text);
      if (sentences.size() + parts.size() > owner_.options_.sentences_max) break;
      for (auto& part : parts) sentences.push_back(std::move(part));
      ++embedded_passages_;
    }
    cosines_.resize(sentences.size());
    const std::size_t texts_max = owner_.embedder_->texts_max();
    batches_ = (sentences.size() + texts_max - 1) / texts_max;
    if (batches_ == 0) return judge();
    for (std::size_t from = 0; from < sentences.size(); from += texts_max)
      embed_batch({sentences.begin() + static_cast<std::ptrdiff_t>(from),
                   sentences.begin() + static_cast<std::ptrdiff_t>(std::min(from + texts_max, sentences.size()))},
                  from);
  }

  void embed_batch(std::vector<std::string> texts, std::size_t from) {
    const auto weak = weak_from_this();
    stages_.push_back(owner_.embedder_->embed(
        loop_, {.texts = std::move(texts), .owner = request_.user_id, .priority = Priority::speculation, .deadline = request_.deadline},
        [weak, from](Result<Embeddings> made) {
          auto self = weak.lock();
          if (!self || self->closed_) return;
          self->take_batch(std::move(made), from);
        }));
  }

  void take_batch(Result<Embeddings> made, std::size_t from) {
    if (!made) cosines_failed_ = true;
    for (std::size_t i = 0; made && i < made->vectors.size() && from + i < cosines_.size(); ++i)
      cosines_[from + i] = cosine(made->vectors[i], vector_);
    if (--batches_ == 0) judge();
  }

  static float cosine(const std::vector<float>& a, const std::vector<float>& b);

  void judge() {
    std::size_t next = 0;
    for (std::size_t p = 0; p < embedded_passages_ && !cosines_failed_; ++p) {
      auto& input = candidates_.passages[p];
      const std::size_t count = split_sentences(input.passage.text).size();
      input.cosines.assign(cosines_.begin() + static_cast<std::ptrdiff_t>(next),
                           cosines_.begin() + static_cast<std::ptrdiff_t>(next + count));
      next += count;
    }
    const auto weak = weak_from_this();
    stages_.push_back(run_on_pool<std::vector<Passage>>(
        owner_.pool_, loop_, Priority::speculation, request_.deadline,
        [&options = owner_.options_, found = std::make_shared<Candidates>(std::move(candidates_)), question = request_.question,
         count = request_.passages_max]() -> Result<std::vector<Passage>> {
          return rank_passages(question, found->counts, std::move(found->passages), count, options.ranking);
        },
        [weak](Result<std::vector<Passage>> ranked) {
          auto self = weak.lock();
          if (!self || self->closed_) return;
          if (!ranked) return self->end(ranked.error());
          self->retrieval_.passages = std::move(ranked).value();
          self->end(std::move(self->retrieval_));
        }));
  }

  void end(Result<Retrieval> result) {
    if (closed_) return;
    const auto keep = shared_from_this();
    close();
    done_(std::move(result));
  }

  HybridRetriever& owner_;
  Loop& loop_;
  RetrievalRequest request_;
  const std::function<void(Result<Retrieval>)> done_;
  const KnowledgeScope scope_;
  Retrieval retrieval_;
  std::vector<float> vector_, cosines_;
  Candidates candidates_;
  std::size_t embedded_passages_ = 0, batches_ = 0;
  bool cosines_failed_ = false, searching_ = false, closed_ = false;
  std::vector<StreamPtr> stages_;
  StreamPtr timer_;
};

float HybridRetriever::Call::cosine(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() ? inner_product(a.data(), b.data(), a.size()) : 0;
}

HybridRetriever::HybridRetriever(PassageStore& store, VectorSearch* vectors, Embedder* embedder, WorkerPool& pool, Options options)
    : store_(store), vectors_(vectors), embedder_(embedder), pool_(pool), options_(options) {}

StreamPtr HybridRetriever::retrieve(Loop& loop, RetrievalRequest request, std::function<void(Result<Retrieval>)> done) {
  auto call = std::make_shared<Call>(*this, loop, std::move(request), std::move(done));
  call->start();
  return closing_handle(std::move(call));
}

}  // namespace repartee::pipeline
