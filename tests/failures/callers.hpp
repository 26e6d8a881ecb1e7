// Many people on the phone at once, while something breaks: each has a call of their own, asks, waits until the server says that the turn
// is safe (repartee.turn), and asks again. Most type; some speak (push to talk) and listen to the reply. What they were told is kept, to be
// compared with the database, and so is everything that should not have happened to a call.
// Thread contract: the owner's thread; the calls are threads of their own.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/clock.hpp"

namespace repartee::test {

using TurnKey = std::pair<std::string, int>;  // session and turn_index
struct ToldTurn {
  int revision = 0;
  std::string event_json;
};
using ToldTurns = std::map<TurnKey, ToldTurn>;  // the newest revision that the client received

class Callers {
 public:
  struct Options {
    std::size_t count = 100;
    std::size_t speaking = 10;                   // of them
    Millis pause{400};                           // between a turn and the next question
    Millis patience = std::chrono::seconds(40);  // for repartee.turn
  };
  explicit Callers(std::string ws_url) : Callers(std::move(ws_url), Options()) {}
  Callers(std::string ws_url, Options options);  // returns when all have a session; throws when one does not get it
  ~Callers();

  std::size_t open() const;                    // calls whose connection lives
  std::size_t turns() const { return told_; }  // of which the clients were told
  bool wait_for_more(std::size_t turns, Duration patience = std::chrono::seconds(30)) const;
  // Nobody asks any more; who waits for an answer gets it; all hang up.
  void hang_up();
  // After it: what was told, and what went wrong ("closed with 1011", "no repartee.turn", an error event).
  ToldTurns told() const;
  std::vector<std::string> troubles() const;

 private:
  struct Call;
  void talk(Call& call);

  const std::string url_;
  const Options options_;
  std::atomic<bool> hanging_up_{false};
  std::atomic<std::size_t> told_{0};
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<std::thread> threads_;
};

// A session of its own and one turn, to see that a new call is taken. Empty: all is well; otherwise what went wrong.
std::string one_call(const std::string& ws_url);

}  // namespace repartee::test
