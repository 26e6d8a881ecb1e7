#include "pipeline/providers/cached_llm.hpp"

#include "pipeline/providers/closing_handle.hpp"

namespace repartee::pipeline {
namespace {

PhraseKey key_of(const LlmProvider& provider, const LlmRequest& request, const CachedLlmOptions& options) {
  const std::string scope = std::string(provider.name()) + '/' + options.model;
  std::string material;
  const auto add = [&](const std::string& part) { material.append(std::to_string(part.size())).append(":").append(part); };
  for (const std::string& part : {scope, options.settings, request.clone_name, request.persona, request.instructions,
                                  request.messages.front().text, std::to_string(request.output_tokens_max.value_or(0))})
    add(part);
  for (const auto& passage : request.passages) add(passage.document_id + '#' + std::to_string(passage.ordinal) + ' ' + passage.text);
  return {PhraseKind::answer, request.owner, scope, std::move(material)};
}

class Answer final : public std::enable_shared_from_this<Answer> {
 public:
  Answer(Loop& loop, PhraseCache& cache, PhraseKey key, std::size_t bytes_max, LlmCallbacks callbacks)
      : loop_(loop), cache_(cache), key_(std::move(key)), bytes_max_(bytes_max), callbacks_(std::move(callbacks)) {}

  void start(LlmProvider& inner, LlmRequest request) {
    if (auto known = cache_.find_now(key_, loop_.now())) {
      loop_.post([weak = weak_from_this(), known = std::move(known)] {
        if (const auto self = weak.lock()) self->say(*known);
      });
      return;
    }
    looking_up_ = true;
    look_up_ = cache_.find_later(loop_, key_, [this](const PhraseBytes& bytes) { found(bytes); });
    generation_ = inner.generate(
        loop_, std::move(request),
        {.on_text = [this](std::string_view piece) { take(piece); }, .on_end = [this](Result<LlmEnd> end) { finish(std::move(end)); }});
  }
  void close() {
    closed_ = true;
    look_up_.reset();
    generation_.reset();
  }

 private:
  void say(const std::string& text) {
    if (closed_) return;
    const auto self = shared_from_this();  // the callbacks may destroy the handle
    callbacks_.on_text(text);
    if (closed_) return;
    close();
    callbacks_.on_end(LlmEnd{.from_cache = true});
  }

  void found(const PhraseBytes& bytes) {
    if (closed_) return;
    looking_up_ = false;
    if (!text_.empty()) return;
    if (bytes) {
      generation_.reset();
      return say(*bytes);
    }
    if (failure_) {
      const auto self = shared_from_this();
      close();
      callbacks_.on_end(*failure_);
    }
  }

  void take(std::string_view piece) {
    if (piece.empty()) return;
    const auto self = shared_from_this();  // the callback may destroy the handle
    if (looking_up_) {                     // the model was first
      looking_up_ = false;
      look_up_.reset();
    }
    if (text_.size() <= bytes_max_) text_ += piece;  // one piece too much says that it is not to be kept
    callbacks_.on_text(piece);
  }

  void finish(Result<LlmEnd> end) {
    generation_.reset();
    if (!end && text_.empty() && looking_up_) {  // perhaps it was answered before
      failure_ = end.error();
      return;
    }
    const auto self = shared_from_this();
    if (end && end->finish == FinishReason::stop && !text_.empty() && text_.size() <= bytes_max_) cache_.put(key_, text_, loop_.now());
    close();
    callbacks_.on_end(std::move(end));
  }

  Loop& loop_;
  PhraseCache& cache_;
  const PhraseKey key_;
  const std::size_t bytes_max_;
  const LlmCallbacks callbacks_;
  std::string text_;
  std::optional<Error> failure_;
  bool looking_up_ = false, closed_ = false;
  StreamPtr look_up_, generation_;
};

}  // namespace

bool CachedLlm::is_first_question(const LlmRequest& request) const {
  return request.tools.empty() && request.messages.size() == 1 && request.messages.front().role == Role::user && !request.messages.front().text.empty() &&
         request.messages.front().text.size() <= options_.question_bytes_max;
}

StreamPtr CachedLlm::generate(Loop& loop, LlmRequest request, LlmCallbacks callbacks) {
  if (!is_first_question(request)) return inner_.generate(loop, std::move(request), std::move(callbacks));
  auto answer = std::make_shared<Answer>(loop, cache_, key_of(inner_, request, options_), options_.answer_bytes_max, std::move(callbacks));
  answer->start(inner_, std::move(request));
  return closing_handle(std::move(answer));
}

}  // namespace repartee::pipeline
