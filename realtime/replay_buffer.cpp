#include "realtime/replay_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace repartee::realtime {
namespace {

constexpr std::size_t block_bytes_min = 2 * 1024, block_bytes_max = 32 * 1024;
constexpr std::size_t block_part = 8;  // of what is kept, a block is: a steady stream allocates seldom, a silent call holds little

}  // namespace

ReplayBuffer::Head ReplayBuffer::head_at(const Block& block, std::size_t at) {
  static_assert(std::is_trivially_copyable_v<Head>);
  Head head;
  std::memcpy(&head, block.bytes.data() + at, sizeof head);
  return head;
}

std::string_view ReplayBuffer::push(bool is_text, std::string_view data, TimePoint now, std::string_view tail) {
  ++next_seq_;
  const std::size_t size = data.size() + tail.size();
  if (size > options_.bytes_max) {  // alone too large: it and all before it cannot be given again
    blocks_.clear();
    messages_ = bytes_ = 0;
    return {};
  }
  const Head head{now, static_cast<std::uint32_t>(size), is_text};
  room_for(sizeof head + size).append(reinterpret_cast<const char*>(&head), sizeof head).append(data).append(tail);
  ++blocks_.back().messages;
  ++messages_;
  bytes_ += size;
  while (bytes_ > options_.bytes_max || messages_ > options_.messages_max) drop_front();
  if (blocks_.empty()) return {};
  return std::string_view(blocks_.back().bytes).substr(blocks_.back().bytes.size() - size);
}

// The last block, if that much still fits into it. It is never moved once it holds something.
std::string& ReplayBuffer::room_for(std::size_t bytes) {
  if (!blocks_.empty()) {
    std::string& last = blocks_.back().bytes;
    if (last.capacity() - last.size() >= bytes) return last;
    if (last.capacity() - last.size() > last.capacity() / block_part) last.shrink_to_fit();
  }
  const std::size_t usual = std::clamp(bytes_ / block_part, block_bytes_min, block_bytes_max);
  std::string& made = blocks_.emplace_back().bytes;
  made.reserve(bytes > usual / 2 ? bytes : usual);
  return made;
}

void ReplayBuffer::drop_front() {
  Block& block = blocks_.front();
  const std::size_t size = head_at(block, block.begin).size;
  block.begin += sizeof(Head) + size;
  bytes_ -= size;
  --messages_;
  if (--block.messages > 0) return;
  blocks_.erase(blocks_.begin());
  if (blocks_.empty()) blocks_.shrink_to_fit();
}

void ReplayBuffer::confirm(std::uint64_t seq) {
  while (!empty() && first_seq() <= seq) drop_front();
}

void ReplayBuffer::forget_older_than(TimePoint now) {
  while (!empty() && *oldest() + options_.age_max <= now) drop_front();
}

void ReplayBuffer::for_each_after(std::uint64_t seq, const std::function<void(const Message&)>& action) const {
  std::uint64_t number = first_seq();
  for (const Block& block : blocks_) {
    std::size_t at = block.begin;
    for (std::size_t i = 0; i < block.messages; ++i, ++number) {
      const Head head = head_at(block, at);
      at += sizeof head;
      if (number > seq) action({number, head.is_text, std::string_view(block.bytes).substr(at, head.size), head.sent_at});
      at += head.size;
    }
  }
}

std::uint64_t ReplayBuffer::lost_after(std::uint64_t seq) const {
  const std::uint64_t wanted = std::min(seq, next_seq_ - 1) + 1;
  return wanted < first_seq() ? first_seq() - wanted : 0;
}

std::optional<TimePoint> ReplayBuffer::sent_after(std::uint64_t seq) const {
  std::optional<TimePoint> first;
  for_each_after(seq, [&](const Message& message) {
    if (!first) first = message.sent_at;
  });
  return first;
}

std::optional<TimePoint> ReplayBuffer::oldest() const {
  if (empty()) return std::nullopt;
  return head_at(blocks_.front(), blocks_.front().begin).sent_at;
}

std::size_t ReplayBuffer::capacity_bytes() const {
  std::size_t bytes = blocks_.capacity() * sizeof(Block);
  for (const Block& block : blocks_) bytes += block.bytes.capacity();
  return bytes;
}

}  // namespace repartee::realtime
