// LlmProvider `local`: answers without a language model. It finds the sentences that fit the question in the passages, the persona
// and the session's instructions (sentence_index.hpp), speaks of itself in the first person, knows the conversation so far, and says so
// when it does not know. It calls no tools: it answers as if there were none, and where the request demands a call it says so with an error
// (invalid_argument). The same request gives the same answer; answers vary with the conversation.
// Thread contract: that of LlmProvider; the work (below a millisecond) is done in a task of the loop.
#pragma once
#include <string>

#include "pipeline/providers.hpp"

namespace repartee::pipeline {

struct LocalResponderOptions {
  std::size_t words_per_post = 8;             // so that a long answer does not hold up the loop
  std::size_t persona_bytes_max = 32 * 1024;  // read of the persona, the instructions, and the passages together; the rest is not
  std::size_t passages_max = 16;
  std::size_t history_messages_max = 200;
};

// The whole answer: a pure function of the request.
std::string local_answer(const LlmRequest& request, const LocalResponderOptions& options = {});

class LocalResponder final : public LlmProvider {
 public:
  using Options = LocalResponderOptions;
  explicit LocalResponder(Options options = {}) : options_(options) {}
  std::string_view name() const override { return "local"; }
  StreamPtr generate(Loop& loop, LlmRequest request, LlmCallbacks callbacks) override;

 private:
  const Options options_;
};

}  // namespace repartee::pipeline
