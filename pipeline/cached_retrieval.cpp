#include "pipeline/cached_retrieval.hpp"

#include <cstring>
#include <nlohmann/json.hpp>

#include "pipeline/providers/closing_handle.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

std::string vector_bytes(const std::vector<float>& vector) {
  return {reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)};
}

std::optional<std::vector<float>> vector_of(std::string_view bytes, std::size_t dimension) {
  if (bytes.size() != dimension * sizeof(float)) return std::nullopt;
  std::vector<float> vector(dimension);
  std::memcpy(vector.data(), bytes.data(), bytes.size());
  return vector;
}

PhraseKey vector_key(const Embedder& embedder, const EmbedRequest& request, const std::string& text) {
  return {PhraseKind::embedding, request.owner, std::string(embedder.name()), std::string(embedder.name()) + '\n' + text};
}

// One search, beside the slow tier's look-up.
class Search final : public std::enable_shared_from_this<Search> {
 public:
  Search(Loop& loop, PhraseCache& cache, PhraseKey key, std::function<void(Result<Retrieval>)> done)
      : loop_(loop), cache_(cache), key_(std::move(key)), done_(std::move(done)) {}

  void start(Retriever& inner, RetrievalRequest request) {
    const auto weak = weak_from_this();
    if (const auto known = cache_.find_now(key_, loop_.now())) {
      if (auto kept = retrieval_of(*known)) {
        work_ = loop_.after(Duration::zero(), [weak, kept = std::move(*kept)]() mutable {
          if (auto self = weak.lock()) self->answer(std::move(kept));
        });
        return;
      }
    }
    look_up_ = cache_.find_later(loop_, key_, [weak](const PhraseBytes& bytes) {
      auto self = weak.lock();
      if (!self || self->closed_ || !bytes) return;
      if (auto kept = retrieval_of(*bytes)) self->answer(std::move(*kept));
    });
    work_ = inner.retrieve(loop_, std::move(request), [weak](Result<Retrieval> found) {
      auto self = weak.lock();
      if (!self || self->closed_) return;
      if (found) self->cache_.put(self->key_, retrieval_bytes(*found), self->loop_.now());
      self->end(std::move(found));
    });
  }
  void close() {
    closed_ = true;
    look_up_.reset();
    work_.reset();
  }

 private:
  void answer(Retrieval kept) {
    kept.from_cache = true;
    end(std::move(kept));
  }
  void end(Result<Retrieval> result) {
    if (closed_) return;
    const auto self = shared_from_this();  // the callback may destroy the handle
    close();
    done_(std::move(result));
  }

  Loop& loop_;
  PhraseCache& cache_;
  const PhraseKey key_;
  const std::function<void(Result<Retrieval>)> done_;
  StreamPtr look_up_, work_;
  bool closed_ = false;
};

}  // namespace

std::string retrieval_bytes(const Retrieval& retrieval) {
  nlohmann::json passages = nlohmann::json::array();
  for (const auto& p : retrieval.passages) passages.push_back({p.document_id, p.filename, p.text, p.ordinal, p.score, p.sentence_scores});
  return nlohmann::json{{"embedder", retrieval.embedder}, {"passages", std::move(passages)}}.dump(-1, ' ', false,
                                                                                                  nlohmann::json::error_handler_t::replace);
}

std::optional<Retrieval> retrieval_of(std::string_view bytes) {
  const auto json = nlohmann::json::parse(bytes, nullptr, false);
  try {
    Retrieval retrieval;
    retrieval.embedder = json.at("embedder").get<std::string>();
    for (const auto& p : json.at("passages"))
      retrieval.passages.push_back({p.at(0).get<std::string>(), p.at(1).get<std::string>(), p.at(2).get<std::string>(), p.at(3).get<int>(),
                                    p.at(4).get<double>(), p.at(5).get<std::vector<float>>()});
    return retrieval;
  } catch (const nlohmann::json::exception&) { return std::nullopt; }
}

StreamPtr CachedRetriever::retrieve(Loop& loop, RetrievalRequest request, std::function<void(Result<Retrieval>)> done) {
  std::string material;
  const auto add = [&](const std::string& part) { material.append(std::to_string(part.size())).append(":").append(part); };
  for (const auto& part : {settings_, version_(request.user_id), request.echo_id, request.scope, std::to_string(request.passages_max),
                           normalise_spaces(request.question)})
    add(part);
  auto search =
      std::make_shared<Search>(loop, cache_, PhraseKey{PhraseKind::retrieval, request.user_id, "", std::move(material)}, std::move(done));
  search->start(inner_, std::move(request));
  return closing_handle(std::move(search));
}

StreamPtr CachedEmbedder::embed(Loop& loop, EmbedRequest request, std::function<void(Result<Embeddings>)> done) {
  if (request.owner.empty()) return inner_.embed(loop, std::move(request), std::move(done));
  auto out = std::make_shared<Embeddings>();
  std::vector<std::size_t> places;  // of those to be made
  std::vector<std::string> texts;
  out->vectors.resize(request.texts.size());
  for (std::size_t i = 0; i < request.texts.size(); ++i) {
    const auto known = cache_.find_now(vector_key(inner_, request, request.texts[i]), loop.now());
    auto vector = known ? vector_of(*known, inner_.dimension()) : std::nullopt;
    if (vector) {
      out->vectors[i] = std::move(*vector);
    } else {
      places.push_back(i);
      texts.push_back(request.texts[i]);
    }
  }
  if (texts.empty()) return loop.after(Duration::zero(), [out, done = std::move(done)] { done(std::move(*out)); });
  EmbedRequest rest = request;
  rest.texts = texts;
  return inner_.embed(
      loop, std::move(rest),
      [this, &loop, request = std::move(request), out, places = std::move(places), done = std::move(done)](Result<Embeddings> made) {
        if (!made || made->vectors.size() != places.size())
          return done(made ? Result<Embeddings>(Error{Errc::internal, "the embedder gave another number of vectors"}) : std::move(made));
        for (std::size_t i = 0; i < places.size(); ++i) {
          cache_.put(vector_key(inner_, request, request.texts[places[i]]), vector_bytes(made->vectors[i]), loop.now());
          out->vectors[places[i]] = std::move(made->vectors[i]);
        }
        out->input_tokens = made->input_tokens;
        done(std::move(*out));
      });
}

}  // namespace repartee::pipeline
