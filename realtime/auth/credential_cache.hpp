// Looks up users' credentials away from the loops, and remembers for a short while what was found, so that a key costs the database one
// question now and then, and not one a request. What is revoked is forgotten at once where the revocation is heard of (NOTIFY), after
// kept_for at the latest. Memory, threads, and what may wait are bounded.
// Thread contract: find() on any loop, forget() and forget_all() from any thread. `Find` runs on the cache's own threads and may block. The
// loops outlive it.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "core/loop.hpp"
#include "core/metrics.hpp"
#include "realtime/auth/auth.hpp"

namespace repartee::auth {

// What is known of a credential before it is looked up.
struct Credential {
  std::string name;       // "hash:<SHA-256 of an API key>", "key:<uuid>", "signin:<uuid>", "external:<issuer|subject>"
  std::string user_id{};  // whose it says it is, where a token of ours says so
};

class CredentialCache {
 public:
  struct Options {
    Duration kept_for = std::chrono::seconds(30);
    Duration refusal_kept_for = std::chrono::seconds(5);  // that there is no such credential
    std::size_t entries_max = 10'000;                     // beyond it the oldest go
    std::size_t waiting_max = 4'096;                      // callers; one more is told resource_exhausted
    std::size_t workers = 2;
    Duration patience = std::chrono::seconds(5);          // for the look-up to begin
    std::function<WallTime()> wall_now = [] { return std::chrono::system_clock::now(); };
  };
  using Find = std::function<Result<Caller>(const Credential&)>;  // unauthenticated: unknown, revoked, expired, inactive

  CredentialCache(Find find, Options options, Metrics& metrics);
  ~CredentialCache();  // nobody who still waits is told

  // `done` runs on the loop, once; at once where the answer is remembered. An expiry that has passed meanwhile is noticed.
  void find(Loop& loop, const Credential& credential, std::function<void(Result<Caller>)> done);
  void forget(const std::string& payload);  // "key:<uuid>", "signin:<uuid>", "user:<uuid>"
  void forget_all();
  // Runs `work` on the cache's threads.
  void run(std::function<void()> work);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::auth
