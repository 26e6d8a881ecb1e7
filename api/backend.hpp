// What the handlers of the resources work with: the database as the role of requests, the threads to block on, and what the server can
// speak and think with.
// Thread contract: immutable after construction; any thread. Outlives the router.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/blocking.hpp"
#include "persistence/database.hpp"
#include "persistence/stores.hpp"
#include "pipeline/providers.hpp"

namespace repartee::api {

// How a typed message is answered.
struct AnsweringOptions {
  std::size_t history_messages_max = 20;  // what was said before, voice and text
  int output_tokens_max = 1024;
  std::size_t text_bytes_max = 64 * 1024;  // of the answer
  Duration first_token_timeout = std::chrono::seconds(10), timeout = std::chrono::seconds(60), retrieval_timeout = std::chrono::seconds(2);
};

struct Backend {
  persistence::Database& database;
  Blocking& blocking;
  std::string anonymous_user_id;  // whose things a caller without a key sees
  std::map<std::string, pipeline::TtsProvider*> tts{};
  std::map<std::string, pipeline::LlmProvider*> llms{};
  std::string llm_default{};                      // a name in llms
  persistence::CloneDirectory* clones = nullptr;  // whom one talks with, as live sessions know them
  std::function<void()> clones_changed = [] {};   // a clone was changed here: this node need not wait to hear of it
  pipeline::Retriever* retriever = nullptr;       // null: there is no knowledge to ask
  AnsweringOptions answering{};

  std::string user_of(const auth::Caller& caller) const { return caller.user_id.empty() ? anonymous_user_id : caller.user_id; }
};

}  // namespace repartee::api
