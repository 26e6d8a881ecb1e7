#include "api/answering.hpp"

#include "core/log.hpp"
#include "pipeline/knowledge_scope.hpp"
#include "pipeline/question.hpp"

namespace repartee::api {

// One question. Its callbacks hold it weakly: the Answering owns it, until its end or its own.
class Answering::Run : public std::enable_shared_from_this<Run> {
 public:
  Run(Answering& owner, Loop& loop, Question question, Done done)
      : owner_(owner), loop_(loop), question_(std::move(question)), done_(std::move(done)) {}

  void start() {
    const auto* retriever = owner_.options_.retriever;
    if (retriever && retriever->has_knowledge(knowledge_owner(), question_.clone.id)) retrieve();
    else generate();
  }

 private:
  // `handler` as a callback that does nothing once the run is gone.
  template <class... A>
  std::function<void(A...)> held(void (Run::*handler)(A...)) {
    return [weak = weak_from_this(), handler](A... arguments) {
      if (const auto self = weak.lock()) ((*self).*handler)(std::forward<A>(arguments)...);
    };
  }

  const std::string& knowledge_owner() const {
    return pipeline::knowledge_owner(question_.clone.user_id, question_.user_id, owner_.options_.house_user_id);
  }

  void retrieve() {
    pipeline::RetrievalRequest request;
    request.question = pipeline::question_of(question_.messages);
    request.user_id = knowledge_owner();
    request.echo_id = question_.clone.id;
    request.scope = question_.clone.knowledge_scope;
    request.deadline = loop_.now() + owner_.options_.retrieval_timeout;
    retrieval_ = owner_.options_.retriever->retrieve(loop_, std::move(request), held(&Run::on_passages));
  }

  // A question that knowledge cannot be found for now is answered without.
  void on_passages(Result<pipeline::Retrieval> retrieval) {
    if (retrieval) answer_.passages = std::move(retrieval->passages);
    else log::warn("api", "a typed question is answered without knowledge", {{"why", retrieval.error().message}});
    generate();
  }

  void generate() {
    const auto& options = owner_.options_;
    auto llm = options.llms.find(question_.clone.llm_provider);
    if (llm == options.llms.end()) llm = options.llms.find(options.llm_default);
    if (llm == options.llms.end()) return finish(Error{Errc::unavailable, "this server has no language model"});
    answer_.llm = llm->first;
    pipeline::LlmRequest request;
    request.clone_name = question_.clone.name;
    request.persona = question_.clone.persona_prompt;
    request.messages = std::move(question_.messages);
    request.passages = answer_.passages;
    request.owner = question_.user_id;
    request.output_tokens_max = options.output_tokens_max;
    request.first_token_deadline = loop_.now() + options.first_token_timeout;
    request.deadline = loop_.now() + options.timeout;
    const auto late = [this](Duration after) { return loop_.after(after, [late = held(&Run::on_late)] { late(); }); };
    first_token_timer_ = late(options.first_token_timeout);
    timer_ = late(options.timeout);
    llm_ = llm->second->generate(loop_, std::move(request), {.on_text = held(&Run::on_text), .on_end = held(&Run::on_end)});
  }

  void on_text(std::string_view text) {
    first_token_timer_.reset();
    answer_.text += text.substr(0, owner_.options_.text_bytes_max - std::min(answer_.text.size(), owner_.options_.text_bytes_max));
  }
  void on_end(Result<pipeline::LlmEnd> end) {
    if (!end) return finish(end.error());
    answer_.end = *end;
    finish(std::move(answer_));
  }
  void on_late() { finish(Error{Errc::deadline_exceeded, "the language model did not answer in time"}); }

  void finish(Result<Answer> answer) {
    const auto self = shared_from_this();
    const auto done = std::move(done_);
    retrieval_.reset();
    llm_.reset();
    first_token_timer_.reset();
    timer_.reset();
    owner_.finished(self);
    done(std::move(answer));
  }

  Answering& owner_;
  Loop& loop_;
  Question question_;
  Done done_;
  Answer answer_;
  StreamPtr retrieval_, llm_, first_token_timer_, timer_;
};

Answering::Answering(Options options) : options_(std::move(options)) {}
Answering::~Answering() = default;

void Answering::answer(Loop& loop, Question question, Done done) {
  std::unique_lock lock(mutex_);
  if (runs_.size() >= running_max) {
    lock.unlock();
    return done(Error{Errc::unavailable, "too many questions are being answered; try again shortly"});
  }
  const auto run = *runs_.insert(std::make_shared<Run>(*this, loop, std::move(question), std::move(done))).first;
  lock.unlock();
  run->start();
}

void Answering::finished(const std::shared_ptr<Run>& run) {
  std::lock_guard lock(mutex_);
  runs_.erase(run);
}

}  // namespace repartee::api
