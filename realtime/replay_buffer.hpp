// What a session sent, numbered, for as long as its client may still ask for it: a client that lost its connection names the last number
// it saw and gets what followed. Bounded in bytes: the oldest goes first, and how much is missing can be told.
// Thread contract: none; pure, time is passed in. Memory: one block of bytes, given back when nothing is kept.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.hpp"

namespace repartee::realtime {

class ReplayBuffer {
 public:
  struct Options {
    std::size_t bytes_max = 512 * 1024;                  // half of what may wait for a slow client: a replay does not drop it again
    std::size_t messages_max = 8192;
    Duration age_max = std::chrono::seconds(45);         // a ping and its pong: by then a connection that is lost is known to be
  };
  struct Message {
    std::uint64_t seq = 0;
    bool is_text = true;
    std::string_view data;                               // as it went over the wire
    TimePoint sent_at{};
  };

  explicit ReplayBuffer(Options options, std::uint64_t first_seq = 1) : options_(options), next_seq_(first_seq) {}

  std::uint64_t next_seq() const { return next_seq_; }   // that the next message pushed will have
  void push(bool is_text, std::string_view data, TimePoint now);
  void confirm(std::uint64_t seq);                       // the client has it, and all before
  void forget_older_than(TimePoint now) { drop_while([&](const Kept& kept) { return kept.sent_at + options_.age_max <= now; }); }

  // In order, those after `seq`; a number that was never given counts as the last.
  void for_each_after(std::uint64_t seq, const std::function<void(const Message&)>& action) const;
  std::uint64_t lost_after(std::uint64_t seq) const;     // of those after `seq`, how many are gone
  std::optional<TimePoint> sent_after(std::uint64_t seq) const;   // when the first one kept after `seq` was sent; nullopt: none is
  std::size_t messages() const { return kept_.size(); }
  std::size_t bytes() const { return bytes_.size() - begin_; }
  bool empty() const { return kept_.empty(); }

 private:
  struct Kept {
    TimePoint sent_at;
    std::uint32_t size = 0;
    bool is_text = true;
  };
  std::uint64_t first_seq() const { return next_seq_ - kept_.size(); }
  template <class Predicate>
  void drop_while(Predicate&& goes) {
    while (!kept_.empty() && goes(kept_.front())) drop_front();
  }
  void drop_front();

  Options options_;
  std::uint64_t next_seq_;
  std::string bytes_;                                    // those kept stand behind one another from begin_ on
  std::size_t begin_ = 0;
  std::deque<Kept> kept_;
};

}  // namespace repartee::realtime
