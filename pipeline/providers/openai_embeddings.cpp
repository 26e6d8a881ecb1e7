#include "pipeline/providers/openai_embeddings.hpp"

#include <nlohmann/json.hpp>

#include "pipeline/providers/whole_answer.hpp"
#include "pipeline/vector_math.hpp"

namespace repartee::pipeline {
namespace {

Result<Embeddings> embeddings_in(const OpenAiEmbedderOptions& options, std::size_t texts, const Result<HttpResponse>& response) {
  if (!response) return response.error();
  const int status = response->head.status;
  if (status < 200 || status > 299) return error_of_status(options.name, status, response->body, options.endpoint.key);
  const Error corrupt{Errc::data_corrupt, options.name + ": the answer does not hold a vector of " + std::to_string(options.dimension) +
                                              " numbers for each text"};
  const auto json = nlohmann::json::parse(response->body, nullptr, false);
  if (!json.is_object() || !json.contains("data") || !json["data"].is_array() || json["data"].size() != texts) return corrupt;
  Embeddings out;
  out.vectors.resize(texts);
  try {
    for (const auto& entry : json["data"]) {
      const auto index = entry.at("index").get<std::size_t>();
      if (index >= texts || !out.vectors[index].empty()) return corrupt;
      auto vector = entry.at("embedding").get<std::vector<float>>();
      if (vector.size() != options.dimension || !normalise(vector)) return corrupt;
      out.vectors[index] = std::move(vector);
    }
    if (json.contains("usage") && json["usage"].is_object()) out.input_tokens = json["usage"].value("prompt_tokens", 0);
  } catch (const nlohmann::json::exception&) { return corrupt; }
  return out;
}

}  // namespace

OpenAiEmbedder::OpenAiEmbedder(HttpClient& http, Options options)
    : http_(http), options_(std::move(options)), full_name_(options_.name + "/" + options_.model) {}

StreamPtr OpenAiEmbedder::embed(Loop& loop, EmbedRequest request, std::function<void(Result<Embeddings>)> done) {
  const std::size_t texts = request.texts.size();
  if (texts == 0 || texts > options_.texts_max) {
    auto answer = texts == 0 ? Result<Embeddings>(Embeddings{})
                             : Result<Embeddings>(Error{Errc::invalid_argument, options_.name + ": too many texts in one request"});
    return loop.after(Duration::zero(), [done = std::move(done), answer = std::move(answer)] { done(answer); });
  }
  const nlohmann::json body = {{"model", options_.model}, {"input", request.texts}, {"encoding_format", "float"}};
  HttpRequest http_request = openai_post(options_.endpoint, "/embeddings", "application/json",
                                         body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  http_request.body_bytes_max = options_.response_bytes_max;
  return fetch_answer<Embeddings>(
      http_, loop, std::move(http_request), time_left(loop, request.deadline, options_.timeout), options_.name + ": no embeddings in time",
      [&options = options_, texts](const Result<HttpResponse>& response) { return embeddings_in(options, texts, response); },
      std::move(done));
}

}  // namespace repartee::pipeline
