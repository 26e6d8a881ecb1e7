// Sentence embeddings on this machine: Universal Sentence Encoder lite (Cer et al., 2018; English, Apache-2.0), 512 numbers a text, about a
// millisecond a sentence on one thread. The published model is a TensorFlow.js graph of two transformer layers; its weights are read as
// they are, the layers stand in the .cpp file. Thread contract: as providers.hpp says; encode() from any thread, it blocks. Text longer
// than the model's window (128 tokens) is embedded window by window and the directions are averaged, so that its end counts too. Text
// without a letter or digit has no direction: its vector is all zero and is near to nothing. Errors of load: not_found (says `repartee
// models fetch`), data_corrupt. Of embed: invalid_argument (too many texts), resource_exhausted and deadline_exceeded from the pool.
#pragma once
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "pipeline/providers.hpp"

namespace repartee::pipeline {

class UseLiteEmbedder final : public Embedder {
 public:
  struct Options {
    std::filesystem::path models_dir;  // as config/models.toml lays it out (use-lite/)
    std::size_t texts_max = 16;        // of one call: a worker is busy with them, and nothing urgent can go before
    std::size_t windows_max = 32;      // of one text
  };
  static Result<std::unique_ptr<UseLiteEmbedder>> load(WorkerPool& pool, Options options);
  ~UseLiteEmbedder() override;

  std::string_view name() const override { return "use-lite-en"; }
  std::size_t dimension() const override { return 512; }
  std::size_t texts_max() const override { return options_.texts_max; }
  StreamPtr embed(Loop& loop, EmbedRequest request, std::function<void(Result<Embeddings>)> done) override;

  std::vector<float> encode(std::string_view text) const;  // the plain call beneath, for tests and benches
  std::vector<int> tokens(std::string_view text) const;

 private:
  class Model;
  UseLiteEmbedder(WorkerPool& pool, Options options, std::shared_ptr<const Model> model);
  WorkerPool& pool_;
  const Options options_;
  std::shared_ptr<const Model> model_;  // running work holds it too
};

}  // namespace repartee::pipeline
