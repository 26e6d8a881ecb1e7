// Embedder for any OpenAI-compatible server: POST {base_url}/embeddings, many texts a request.
// Thread contract: that of Embedder.
// Errors: as openai_common.hpp classes a status; deadline_exceeded; invalid_argument for too many texts; data_corrupt for an answer with
// another number of vectors, or vectors of another length than `dimension`, or without direction.
#pragma once
#include "pipeline/http_client.hpp"
#include "pipeline/providers.hpp"
#include "pipeline/providers/openai_common.hpp"

namespace repartee::pipeline {

struct OpenAiEmbedderOptions {
  std::string name = "openai";  // for the price table; name() adds the model
  OpenAiEndpoint endpoint;
  std::string model = "text-embedding-3-small";
  std::size_t dimension = 1536;                // what the model answers with
  std::size_t texts_max = 64;                  // of one request
  Duration timeout = std::chrono::seconds(8);  // this or the request's deadline, what comes first
  std::size_t response_bytes_max = 16 * 1024 * 1024;
};

class OpenAiEmbedder final : public Embedder {
 public:
  using Options = OpenAiEmbedderOptions;
  OpenAiEmbedder(HttpClient& http, Options options);
  std::string_view name() const override { return full_name_; }  // "openai/text-embedding-3-small"
  std::size_t dimension() const override { return options_.dimension; }
  std::size_t texts_max() const override { return options_.texts_max; }
  bool is_metered() const override { return true; }
  StreamPtr embed(Loop& loop, EmbedRequest request, std::function<void(Result<Embeddings>)> done) override;

 private:
  HttpClient& http_;
  const Options options_;
  const std::string full_name_;
};

}  // namespace repartee::pipeline
