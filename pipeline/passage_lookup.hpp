// Retrieval as a stage of a conversation's turns. It begins on what the user has said so far, while the last words are still being
// recognised, and is asked anew where the final words differ enough; a reply waits for it no longer than the patience, and goes on without.
// Thread contract: made, used and destroyed on the session's loop; callbacks run there, never from inside the call that started them.
// Errors of the retriever mean no passages; they are logged.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/providers.hpp"

namespace repartee::pipeline {

struct PassagesFound {
  std::vector<Passage> passages;            // best first
  std::optional<TimePoint> started, ended;  // of the look-up; not ended: it came too late. Neither: there was nothing to look in
  bool from_cache = false;
};

// All look-ups since the last take_costs(), also those whose answers were not used.
struct LookupCosts {
  int runs = 0, cache_hits = 0, input_tokens = 0;
  std::string embedder;  // whose tokens they are
};

class PassageLookup {
 public:
  struct Options {
    Duration patience = Millis(150);             // from find() on
    Duration timeout = std::chrono::seconds(5);  // of a look-up
    std::size_t ahead_runs_max = 4;              // of one utterance, on what was said so far
  };
  using Done = std::function<void(PassagesFound)>;

  // whose: everything of a request but its question and deadline. retriever may be null: nothing is ever found.
  PassageLookup(Loop& loop, Retriever* retriever, Options options, RetrievalRequest whose);
  ~PassageLookup();

  bool useful() const;  // can there be anything to find?
  void look_ahead(const std::string& said_so_far);
  // What fits this question. Destroying the handle gives the answer up.
  StreamPtr find(std::string question, Done done);
  LookupCosts take_costs();  // a turn has ended

 private:
  struct Run;
  struct Waiter;
  void begin(std::string question);
  void take(Run& run, Result<Retrieval> result);

  Loop& loop_;
  Retriever* const retriever_;
  const Options options_;
  const RetrievalRequest whose_;
  LookupCosts costs_;
  std::size_t ahead_runs_ = 0;
  std::shared_ptr<Run> run_;  // the latest
};

// ---- policy, pure ----

// Do the passages for one also serve the other? They do when nearly all content words are the same.
bool asks_the_same(const std::set<std::string>& terms, const std::set<std::string>& other_terms);
// Is what was said so far worth a look-up: two content words, and one more than last time?
bool worth_looking(const std::set<std::string>& terms, const std::set<std::string>& looked_up);

}  // namespace repartee::pipeline
