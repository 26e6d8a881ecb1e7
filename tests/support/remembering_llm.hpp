// A language model that answers as scripted, and remembers what it was given to read.
#pragma once
#include <memory>
#include <vector>

#include "pipeline/providers/scripted.hpp"

namespace repartee::test {

class RememberingLlm final : public pipeline::LlmProvider {
 public:
  explicit RememberingLlm(pipeline::ScriptedLlmOptions options = {.echo_user = true}) { script(std::move(options)); }
  void script(pipeline::ScriptedLlmOptions options) { scripted_ = std::make_unique<pipeline::ScriptedLlm>(std::move(options)); }
  std::string_view name() const override { return "scripted"; }
  StreamPtr generate(Loop& loop, pipeline::LlmRequest request, pipeline::LlmCallbacks callbacks) override {
    requests.push_back(request);
    return scripted_->generate(loop, std::move(request), std::move(callbacks));
  }
  std::vector<pipeline::LlmRequest> requests;

 private:
  std::unique_ptr<pipeline::ScriptedLlm> scripted_;
};

}  // namespace repartee::test
