// Joins the HTTP routes of api/ to the parts that answer them. What blocks (the database) runs on threads of its own.
// Thread contract: serve() on any loop; outlives the transport.
#pragma once
#include "api/router.hpp"
#include "cache/blob_store.hpp"
#include "commands/accounts.hpp"
#include "commands/engines.hpp"
#include "config/settings.hpp"
#include "core/metrics.hpp"
#include "persistence/store.hpp"
#include "realtime/auth/tokens.hpp"
#include "realtime/session_gateway.hpp"

namespace repartee::commands {

class Routes {
 public:
  struct Parts {
    const config::Settings& settings;
    persistence::Store& store;
    Engines& engines;
    std::shared_ptr<const auth::Auth> auth;
    realtime::SessionGateway& gateway;
    Metrics& metrics;
    cache::BlobStore& blobs;
    const auth::Tokens& tokens;                // makes ephemeral keys
    std::string anonymous_user_id;             // whose things a caller without a key sees
    pipeline::Retriever* retriever = nullptr;  // null: there is no knowledge
    api::Guards guards = {};                   // limits and audit
    AccountParts* accounts = nullptr;          // null: the configured keys alone
  };
  static Result<std::unique_ptr<Routes>> make(const Parts& parts);  // internal: the description of the interface is not sound
  ~Routes();
  void serve(Loop& loop, transport::Request request, transport::Respond respond);
  void judge_head(Loop& loop, const transport::Request& head, std::function<void(std::optional<transport::Response>)> done);  // as the Router's

 private:
  struct Impl;
  explicit Routes(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::commands
