// What a session sent, numbered, for as long as its client may still ask for it: a client that lost its connection names the last number
// it saw and gets what followed. Bounded in bytes: the oldest goes first, and how much is missing can be told.
// Thread contract: none; pure, time is passed in. Memory: blocks of a few kilobytes, at most an eighth more than what is kept and two of the
// smallest blocks; a block is given back when the last of it is forgotten.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  // `data` and, behind it, `tail` are one message. What is kept of it, until the next call that changes anything; empty: it alone is too large.
  std::string_view push(bool is_text, std::string_view data, TimePoint now, std::string_view tail = {});
  void confirm(std::uint64_t seq);                       // the client has it, and all before
  void forget_older_than(TimePoint now);                 // by age_max

  // In order, those after `seq`; a number that was never given counts as the last.
  void for_each_after(std::uint64_t seq, const std::function<void(const Message&)>& action) const;
  std::uint64_t lost_after(std::uint64_t seq) const;     // of those after `seq`, how many are gone
  std::optional<TimePoint> sent_after(std::uint64_t seq) const;   // when the first one kept after `seq` was sent; nullopt: none is
  std::optional<TimePoint> oldest() const;               // when it was sent
  std::size_t messages() const { return messages_; }
  std::size_t bytes() const { return bytes_; }           // of their data
  std::size_t capacity_bytes() const;                    // of memory
  bool empty() const { return messages_ == 0; }

 private:
  struct Head {                                          // stands before the data of each
    TimePoint sent_at;
    std::uint32_t size = 0;
    bool is_text = true;
  };
  struct Block {
    std::string bytes;
    std::size_t begin = 0, messages = 0;                 // those kept stand behind one another from `begin` on
  };
  static Head head_at(const Block& block, std::size_t at);
  std::uint64_t first_seq() const { return next_seq_ - messages_; }
  std::string& room_for(std::size_t bytes);
  void drop_front();

  Options options_;
  std::uint64_t next_seq_;
  std::vector<Block> blocks_;                            // none of them empty
  std::size_t messages_ = 0, bytes_ = 0;
};

}  // namespace repartee::realtime
