// A language model that remembers its answers to first questions: those asked before anything else was said, where persona, instructions,
// passages, provider and model decide the answer. Memory answers at once; otherwise the slow tier is asked beside the model, and the first
// to answer is heard. Only whole answers are kept.
// Not for the local responder, which is cheaper than a look-up.
// Thread contract: as LlmProvider. The inner provider and the cache outlive it.
#pragma once
#include "pipeline/phrase_cache.hpp"
#include "pipeline/providers.hpp"

namespace repartee::pipeline {

struct CachedLlmOptions {
  std::string model;                     // of the inner provider
  std::string settings;                  // what else its answers depend on: endpoint, temperature
  std::size_t question_bytes_max = 500;  // a longer question is not likely to be asked twice
  std::size_t answer_bytes_max = 8 * 1024;
};
class CachedLlm final : public LlmProvider {
 public:
  using Options = CachedLlmOptions;
  CachedLlm(LlmProvider& inner, PhraseCache& cache, Options options) : inner_(inner), cache_(cache), options_(std::move(options)) {}
  std::string_view name() const override { return inner_.name(); }
  bool is_metered() const override { return inner_.is_metered(); }
  StreamPtr generate(Loop& loop, LlmRequest request, LlmCallbacks callbacks) override;

 private:
  bool is_first_question(const LlmRequest& request) const;

  LlmProvider& inner_;
  PhraseCache& cache_;
  const Options options_;
};

}  // namespace repartee::pipeline
