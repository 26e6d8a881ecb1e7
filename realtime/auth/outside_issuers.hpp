// The outside identity providers whose tokens are taken, and their public keys: fetched when first needed, again when they are old or a
// token names a key that is not among them, but never more often than refetch_min, whatever comes in.
// Thread contract: check() on any loop; the loops and the fetching client outlive it.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/loop.hpp"
#include "core/metrics.hpp"
#include "realtime/auth/auth.hpp"
#include "realtime/auth/jwt.hpp"

namespace repartee::auth {

class OutsideIssuers {
 public:
  struct Issuer {
    JwtRules rules;
    std::string jwks_url;   // either this, or
    std::string jwks_json;  // the set itself
  };
  struct Options {
    Duration keys_kept_for = std::chrono::minutes(60);  // then they are fetched again
    Duration refetch_min = std::chrono::seconds(30);    // between two fetches of an issuer
    std::size_t waiting_max = 1'024;                    // tokens that wait for keys, an issuer
    std::function<WallTime()> wall_now = [] { return std::chrono::system_clock::now(); };
  };
  // Fetches `url`; `done` on the loop, once. Only what is destroyed with the handle is not told.
  using Fetch = std::function<StreamPtr(Loop& loop, const std::string& url, std::function<void(Result<std::string>)> done)>;

  // invalid_argument: a jwks_json that is none.
  static Result<std::unique_ptr<OutsideIssuers>> make(std::vector<Issuer> issuers, Fetch fetch, Options options, Metrics& metrics);
  ~OutsideIssuers();

  // As AccountAuthenticator::CheckOutside says. unauthenticated; unavailable: the keys cannot be had.
  void check(Loop& loop, const std::string& token, std::function<void(Result<Caller>)> done);

 private:
  struct Known;
  OutsideIssuers(Fetch fetch, Options options, Metrics& metrics);
  void fetch(Loop& loop, const std::shared_ptr<Known>& issuer);
  void fetched(const std::shared_ptr<Known>& issuer, Result<std::string> answer);

  const Fetch fetch_;
  const Options options_;
  Counter& fetches_;
  Counter& failures_;
  std::vector<std::shared_ptr<Known>> issuers_;
};

}  // namespace repartee::auth
