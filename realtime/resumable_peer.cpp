#include "realtime/resumable_peer.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

namespace repartee::realtime {
namespace {

constexpr Duration trim_interval_min = std::chrono::seconds(5);   // a call that talks is looked at no more often

}  // namespace

ResumablePeer::ResumablePeer(Loop& loop, ReplayBuffer::Options replay, std::uint64_t first_seq, std::function<void(int, std::string)> on_close)
    : loop_(loop), age_max_(replay.age_max), on_close_(std::move(on_close)), replay_(replay, first_seq) {}

void ResumablePeer::attach(std::shared_ptr<transport::Peer> peer) {
  peer_ = std::move(peer);
  remote_address_ = peer_->remote_address();
  trim_later();
}

void ResumablePeer::detach() {
  peer_.reset();
  trim_timer_.reset();   // nothing grows old while nobody could have had it
}

Resumption ResumablePeer::resume(std::shared_ptr<transport::Peer> peer, std::uint64_t after_seq) {
  Resumption resumption{.lost = replay_.lost_after(after_seq), .missed_since = replay_.sent_after(after_seq)};
  replay_.confirm(after_seq);
  attach(std::move(peer));
  replay_.for_each_after(after_seq, [&](const ReplayBuffer::Message& message) {
    ++resumption.replayed;
    if (message.is_text) peer_->send_text(message.data);
    else peer_->send_binary(message.data);
  });
  return resumption;
}

void ResumablePeer::send_text(std::string_view json) {
  assert(json.size() > 2 && json.back() == '}');
  json.remove_suffix(1);
  constexpr std::string_view key = ",\"seq\":";
  std::array<char, key.size() + std::numeric_limits<std::uint64_t>::digits10 + 2> seq;
  char* end = std::copy(key.begin(), key.end(), seq.begin());
  end = std::to_chars(end, seq.data() + seq.size(), replay_.next_seq()).ptr;
  *end++ = '}';
  const std::string_view tail(seq.data(), static_cast<std::size_t>(end - seq.data()));
  const std::string_view kept = replay_.push(true, json, loop_.now(), tail);
  if (!peer_) return;
  if (!trim_timer_) trim_later();
  if (!kept.empty()) peer_->send_text(kept);
  else peer_->send_text(std::string(json).append(tail));
}

void ResumablePeer::send_binary(std::string_view bytes) {
  replay_.push(false, bytes, loop_.now());
  if (!peer_) return;
  if (!trim_timer_) trim_later();
  peer_->send_binary(bytes);
}

void ResumablePeer::close(int code, std::string_view reason) {
  if (peer_) peer_->close(code, reason);
  else on_close_(code, std::string(reason));
}

// When the oldest message is due to be forgotten: a call on which nothing more is sent gives its memory back by itself.
void ResumablePeer::trim_later() {
  const auto oldest = replay_.oldest();
  if (!oldest) return;
  const Duration wait = std::max(*oldest + age_max_ - loop_.now(), std::min(age_max_, trim_interval_min));
  trim_timer_ = loop_.after(wait, [this] {
    trim_timer_.reset();
    replay_.forget_older_than(loop_.now());
    trim_later();
  });
}

}  // namespace repartee::realtime
