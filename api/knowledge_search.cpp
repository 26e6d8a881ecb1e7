// POST /api/v1/knowledge/search: the passages of the caller's documents that fit a question, as a clone would find them.
#include <memory>

#include "api/json_fields.hpp"
#include "api/request_body.hpp"
#include "api/routes.hpp"

namespace repartee::api {
namespace {

constexpr Duration search_patience = std::chrono::seconds(5);
constexpr std::size_t limit_default = 5;

transport::Response found(const pipeline::Retrieval& retrieval) {
  std::vector<std::string> passages;
  for (const auto& passage : retrieval.passages) passages.push_back(dump(passage_json(passage)));
  return list_response("passages", {std::move(passages), {}});
}

void search(const Backend& backend, Call call) {
  if (!backend.retriever) return call.respond(error_response(Error{Errc::unavailable, "this server has no knowledge to search"}));
  const auto asked = std::make_shared<Call>(std::move(call));
  const Json& body = asked->body();
  pipeline::RetrievalRequest request;
  request.question = body.at("query");
  request.user_id = backend.user_of(asked->caller);
  request.echo_id = body.contains("echo_id") && body["echo_id"].is_string() ? body["echo_id"].get<std::string>() : "";
  request.passages_max = body.value("limit", limit_default);
  request.deadline = asked->loop.now() + search_patience;
  // The call keeps itself until it is answered.
  const auto under_way = std::make_shared<StreamPtr>();
  *under_way = backend.retriever->retrieve(asked->loop, std::move(request), [asked, under_way](Result<pipeline::Retrieval> retrieval) {
    asked->respond(retrieval ? found(*retrieval) : error_response(retrieval.error()));
    under_way->reset();
  });
}

}  // namespace

void add_knowledge_search_route(Router& router, const Backend& backend) {
  router.add(
      "POST", "/api/v1/knowledge/search", Access::key, [&backend](Call call) { search(backend, std::move(call)); }, "knowledge.search");
}

}  // namespace repartee::api
