// A Retriever that finds what the test says, after the time the test says, and remembers what it was asked.
// Thread contract: the test's.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/providers.hpp"

namespace repartee::test {

class FakeRetriever final : public pipeline::Retriever {
 public:
  bool has_knowledge(const std::string&, const std::string&) const override { return knows; }
  StreamPtr retrieve(Loop& loop, pipeline::RetrievalRequest request, std::function<void(Result<pipeline::Retrieval>)> done) override {
    requests.push_back(request);
    return loop.after(delay, [this, question = request.question, done = std::move(done)] {
      if (failure) return done(*failure);
      pipeline::Retrieval found;
      for (const auto& [word, passage] : passages)
        if (question.find(word) != std::string::npos) found.passages.push_back(passage);
      found.input_tokens = input_tokens;
      found.embedder = "paid/small";
      found.from_cache = from_cache;
      done(std::move(found));
    });
  }
  std::vector<std::string> questions() const {
    std::vector<std::string> out;
    for (const auto& request : requests) out.push_back(request.question);
    return out;
  }

  bool knows = true, from_cache = false;
  Duration delay = Millis(20);
  int input_tokens = 0;
  std::optional<Error> failure;
  std::map<std::string, pipeline::Passage> passages;  // found for questions that hold the word
  std::vector<pipeline::RetrievalRequest> requests;
};

}  // namespace repartee::test
