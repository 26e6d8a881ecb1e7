// The answer to a typed question: passages of the clone's knowledge, then its language model; no voice. What is under way belongs to this
// object: its destruction cancels all of it.
// Thread contract: answer() on the loop it names, any loop; `done` runs there, once. Destroy it when the loops do not run any more.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/records.hpp"
#include "pipeline/providers.hpp"

namespace repartee::api {

class Answering {
 public:
  static constexpr std::size_t running_max = 256;

  struct Options {
    std::map<std::string, pipeline::LlmProvider*> llms{};
    std::string llm_default{};                 // a name in llms
    pipeline::Retriever* retriever = nullptr;  // null: there is no knowledge to ask
    std::string house_user_id{};               // clones of this owner (the server's own) know what their caller's documents say
    std::size_t history_messages_max = 20;     // what was said before, by voice and in text
    int output_tokens_max = 1024;
    std::size_t text_bytes_max = 64 * 1024;  // the answer is cut there
    Duration first_token_timeout = std::chrono::seconds(10), timeout = std::chrono::seconds(60),
             retrieval_timeout = std::chrono::seconds(2);
  };
  struct Question {
    CloneRecord clone;
    std::string user_id;
    std::vector<pipeline::ChatMessage> messages;  // oldest first; the last is the question
  };
  struct Answer {
    std::string text, llm;  // llm: who gave it
    std::vector<pipeline::Passage> passages;
    pipeline::LlmEnd end;
  };
  using Done = std::function<void(Result<Answer>)>;

  explicit Answering(Options options);
  ~Answering();
  const Options& options() const { return options_; }
  void answer(Loop& loop, Question question, Done done);

 private:
  class Run;
  void finished(const std::shared_ptr<Run>& run);

  const Options options_;
  std::mutex mutex_;
  std::set<std::shared_ptr<Run>> runs_;
};

}  // namespace repartee::api
