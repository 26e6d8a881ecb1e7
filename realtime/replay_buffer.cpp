#include "realtime/replay_buffer.hpp"

#include <algorithm>

namespace repartee::realtime {

void ReplayBuffer::push(bool is_text, std::string_view data, TimePoint now) {
  ++next_seq_;
  if (data.size() > options_.bytes_max) {   // alone too large: it and all before it cannot be given again
    kept_.clear();
    std::string().swap(bytes_);
    begin_ = 0;
    return;
  }
  kept_.push_back({now, static_cast<std::uint32_t>(data.size()), is_text});
  bytes_ += data;
  while (bytes() > options_.bytes_max || kept_.size() > options_.messages_max) drop_front();
}

void ReplayBuffer::drop_front() {
  begin_ += kept_.front().size;
  kept_.pop_front();
  if (kept_.empty()) {
    std::string().swap(bytes_);
    begin_ = 0;
  } else if (begin_ > bytes_.size() / 2) {   // moved once for each time as much was dropped
    bytes_.erase(0, begin_);
    begin_ = 0;
    if (bytes_.capacity() > 4 * bytes_.size()) bytes_.shrink_to_fit();
  }
}

void ReplayBuffer::confirm(std::uint64_t seq) {
  while (!kept_.empty() && first_seq() <= seq) drop_front();
}

void ReplayBuffer::for_each_after(std::uint64_t seq, const std::function<void(const Message&)>& action) const {
  std::size_t at = begin_;
  std::uint64_t number = first_seq();
  for (const Kept& kept : kept_) {
    if (number > seq) action({number, kept.is_text, std::string_view(bytes_).substr(at, kept.size), kept.sent_at});
    at += kept.size;
    ++number;
  }
}

std::uint64_t ReplayBuffer::lost_after(std::uint64_t seq) const {
  const std::uint64_t wanted = std::min(seq, next_seq_ - 1) + 1;
  return wanted < first_seq() ? first_seq() - wanted : 0;
}

std::optional<TimePoint> ReplayBuffer::sent_after(std::uint64_t seq) const {
  const std::uint64_t index = seq < first_seq() ? 0 : seq - first_seq() + 1;
  if (index >= kept_.size()) return std::nullopt;
  return kept_[index].sent_at;
}

}  // namespace repartee::realtime
