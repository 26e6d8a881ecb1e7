// What the handlers of the resources work with: the database as the role of requests, the threads to block on, and what the server can
// speak and think with.
// Thread contract: immutable after construction; any thread. Outlives the router.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/answering.hpp"
#include "api/blocking.hpp"
#include "cache/blob_store.hpp"
#include "persistence/database.hpp"
#include "persistence/stores.hpp"
#include "pipeline/providers.hpp"
#include "realtime/auth/tier_limits.hpp"

namespace repartee::api {

// Where uploads go, and how much of them.
struct Uploads {
  cache::BlobStore* blobs = nullptr;  // null: this server keeps no files
  std::size_t document_bytes_max = 25 * 1024 * 1024;
};

struct Backend {
  persistence::Database& database;
  Blocking& blocking;
  std::string anonymous_user_id;  // whose things a caller without a key sees
  std::map<std::string, pipeline::TtsProvider*> tts{};
  std::map<std::string, pipeline::LlmProvider*> llms{};
  persistence::CloneDirectory* clones = nullptr;  // whom one talks with, as live sessions know them
  std::function<void()> clones_changed = [] {};   // a clone was changed here: this node need not wait to hear of it
  Answering* answering = nullptr;                 // of typed questions
  pipeline::Retriever* retriever = nullptr;       // null: there is no knowledge
  Uploads uploads{};
  auth::Allowances* allowances = nullptr;         // what a caller's tier leaves room for; null: everything

  std::string user_of(const auth::Caller& caller) const { return caller.user_id.empty() ? anonymous_user_id : caller.user_id; }
};

}  // namespace repartee::api
