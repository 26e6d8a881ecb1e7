// What the handlers of the resources work with: the database as the role of requests, the threads to block on, and what the server can
// speak and think with.
// Thread contract: immutable after construction; any thread. Outlives the router.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/blocking.hpp"
#include "persistence/database.hpp"
#include "pipeline/providers.hpp"

namespace repartee::api {

struct Backend {
  persistence::Database& database;
  Blocking& blocking;
  std::string anonymous_user_id;              // whose things a caller without a key sees
  std::vector<pipeline::VoiceInfo> voices{};  // of every speech provider
  std::map<std::string, pipeline::LlmProvider*> llms{};

  std::string user_of(const auth::Caller& caller) const { return caller.user_id.empty() ? anonymous_user_id : caller.user_id; }
};

}  // namespace repartee::api
