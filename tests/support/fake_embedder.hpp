// An embedder that needs no model: a text's vector follows from its bytes. Tests make it slow, broken or another one.
// Thread contract: as Embedder; the settings from any thread.
#pragma once
#include <atomic>
#include <cmath>

#include "pipeline/providers.hpp"

namespace repartee::test {

class FakeEmbedder final : public pipeline::Embedder {
 public:
  explicit FakeEmbedder(std::string name = "fake/1", std::size_t dimension = 4) : name_(std::move(name)), dimension_(dimension) {}

  std::string_view name() const override { return name_; }
  std::size_t dimension() const override { return dimension_; }
  std::size_t texts_max() const override { return 8; }
  StreamPtr embed(Loop& loop, pipeline::EmbedRequest request, std::function<void(Result<pipeline::Embeddings>)> done) override {
    if (texts_left > 0 && static_cast<int>(request.texts.size()) > texts_left) mute = true;
    if (texts_left > 0) texts_left -= static_cast<int>(request.texts.size());
    if (mute) return nullptr;  // never answers
    return loop.after(Duration::zero(), [this, request = std::move(request), done = std::move(done)] {
      if (failing) return done(Error{Errc::unavailable, "the fake embedder fails"});
      pipeline::Embeddings made;
      for (const auto& text : request.texts) made.vectors.push_back(vector_of(text));
      texts_seen += static_cast<int>(request.texts.size());
      done(std::move(made));
    });
  }
  std::vector<float> vector_of(const std::string& text) const {
    std::vector<float> vector(dimension_);
    for (std::size_t i = 0; i < text.size(); ++i) vector[i % dimension_] += static_cast<float>(static_cast<unsigned char>(text[i]) % 17);
    float square = 0;
    for (const float x : vector) square += x * x;
    for (float& x : vector) x /= std::sqrt(square > 0 ? square : 1);
    return vector;
  }

  std::atomic<bool> failing{false}, mute{false};
  std::atomic<int> texts_seen{0};
  std::atomic<int> texts_left{0};  // above 0: falls silent after so many

 private:
  const std::string name_;
  const std::size_t dimension_;
};

}  // namespace repartee::test
