#include "pipeline/providers/local_responder.hpp"

#include <algorithm>

#include "pipeline/context_window.hpp"
#include "pipeline/providers/closing_handle.hpp"
#include "pipeline/providers/local_answer.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

struct Draft {
  std::string text;
  bool cut = false;
};

// Whole sentences within the limit; whole words where not even one sentence fits.
Draft within(std::string text, std::optional<int> tokens_max) {
  if (!tokens_max || estimate_tokens(text) <= *tokens_max) return {std::move(text), false};
  const auto limit = static_cast<std::size_t>(std::max(*tokens_max, 1)) * 4;
  std::string kept;
  for (const std::string& sentence : split_sentences(text)) {
    if (kept.size() + sentence.size() + 1 > limit) break;
    kept += (kept.empty() ? "" : " ") + sentence;
  }
  if (kept.empty()) kept = text.substr(0, std::min(text.rfind(' ', limit), utf8_cut(text, limit)));
  return {std::move(kept), true};
}

class Recital final : public std::enable_shared_from_this<Recital> {
 public:
  Recital(Loop& loop, LlmRequest request, LlmCallbacks callbacks, LocalResponderOptions options)
      : loop_(loop), request_(std::move(request)), callbacks_(std::move(callbacks)), options_(options) {}

  void start() {
    post([](Recital& self) { self.think(); });
  }
  void close() { closed_ = true; }

 private:
  void post(void (*step)(Recital&)) {
    loop_.post([weak = weak_from_this(), step] {
      auto self = weak.lock();
      if (self && !self->closed_) step(*self);
    });
  }

  void think() {
    if (!request_.tools.empty() && request_.tool_choice != "auto" && request_.tool_choice != "none") {
      closed_ = true;
      if (callbacks_.on_end) callbacks_.on_end(Error{Errc::invalid_argument, "the local responder calls no tools: tool_choice must be auto or none, or a language model configured"});
      return;
    }
    Draft draft = within(local_answer(request_, options_), request_.output_tokens_max);
    std::size_t input_chars = request_.persona.size() + request_.instructions.size();
    for (const ChatMessage& message : request_.messages) input_chars += message.text.size();
    for (const Passage& passage : request_.passages) input_chars += passage.text.size();
    end_.finish = draft.cut ? FinishReason::length : FinishReason::stop;
    end_.input_tokens = static_cast<int>((input_chars + 3) / 4);
    end_.output_tokens = estimate_tokens(draft.text);
    text_ = std::move(draft.text);
    say();
  }

  void say() {
    for (std::size_t word = 0; word < options_.words_per_post && next_ < text_.size(); ++word) {
      const std::size_t end = std::min(text_.find(' ', next_), text_.size() - 1) + 1;
      const std::string piece = text_.substr(next_, end - next_);
      next_ = end;
      if (callbacks_.on_text) callbacks_.on_text(piece);
      if (closed_) return;
    }
    if (next_ < text_.size()) return post([](Recital& self) { self.say(); });
    closed_ = true;
    if (callbacks_.on_end) callbacks_.on_end(end_);
  }

  Loop& loop_;
  const LlmRequest request_;
  const LlmCallbacks callbacks_;
  const LocalResponderOptions options_;
  std::string text_;
  std::size_t next_ = 0;
  LlmEnd end_;
  bool closed_ = false;
};

}  // namespace

StreamPtr LocalResponder::generate(Loop& loop, LlmRequest request, LlmCallbacks callbacks) {
  auto recital = std::make_shared<Recital>(loop, std::move(request), std::move(callbacks), options_);
  recital->start();
  return closing_handle(std::move(recital));
}

}  // namespace repartee::pipeline
