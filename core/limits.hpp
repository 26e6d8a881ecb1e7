// What a rate limit answers, as everybody between the network and the limiter passes it on.
// Thread contract: values only.
#pragma once
#include <functional>
#include <map>
#include <string>

#include "core/loop.hpp"

namespace repartee {

struct LimitDecision {
  bool allowed = true;
  int limit = 0;                   // requests a minute; 0: this endpoint has none
  int remaining = 0;               // requests that would be allowed now
  double reset_seconds = 0;        // until all of them are there again
  double retry_after_seconds = 0;  // of a refusal: until the next one may pass
};

// x-ratelimit-limit-requests, -remaining-requests and -reset-requests, as OpenAI sends them; of a refusal Retry-After too.
std::map<std::string, std::string> limit_headers(const LimitDecision& decision);

// Never blocks. `done` runs once, on the loop: before the call returns where the answer is at hand, later otherwise.
using DecideLimit =
    std::function<void(Loop& loop, const std::string& subject, const std::string& endpoint, std::function<void(LimitDecision)> done)>;

}  // namespace repartee
