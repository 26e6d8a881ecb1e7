#include "realtime/resumable_peer.hpp"

#include <array>
#include <cassert>
#include <charconv>
#include <utility>

namespace repartee::realtime {
namespace {

constexpr std::size_t numbered_bytes_kept_max = 3 * 1024;   // 20 ms of 48 kHz PCM in JSON; a session's whole configuration is longer

}  // namespace

ResumablePeer::ResumablePeer(Loop& loop, ReplayBuffer::Options replay, std::uint64_t first_seq, std::function<void(int, std::string)> on_close)
    : loop_(loop), age_max_(replay.age_max), on_close_(std::move(on_close)), replay_(replay, first_seq) {}

void ResumablePeer::attach(std::shared_ptr<transport::Peer> peer) {
  peer_ = std::move(peer);
  remote_address_ = peer_->remote_address();
  if (!replay_.empty()) trim_later();
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
  std::array<char, 20> digits;
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), replay_.next_seq()).ptr;
  numbered_.assign(json.substr(0, json.size() - 1));
  numbered_ += ",\"seq\":";
  numbered_.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
  numbered_ += '}';
  keep(true, numbered_);
  if (peer_) peer_->send_text(numbered_);
  if (numbered_.capacity() > numbered_bytes_kept_max) std::string().swap(numbered_);
}

void ResumablePeer::send_binary(std::string_view bytes) {
  keep(false, bytes);
  if (peer_) peer_->send_binary(bytes);
}

void ResumablePeer::close(int code, std::string_view reason) {
  if (peer_) peer_->close(code, reason);
  else on_close_(code, std::string(reason));
}

void ResumablePeer::keep(bool is_text, std::string_view data) {
  replay_.push(is_text, data, loop_.now());
  if (peer_ && !trim_timer_) trim_later();
}

// Once in a while is enough: the bytes are bounded anyway; a silent call gives them back.
void ResumablePeer::trim_later() {
  trim_timer_ = loop_.after(age_max_, [this] {
    trim_timer_.reset();
    replay_.forget_older_than(loop_.now());
    if (!replay_.empty()) trim_later();
  });
}

}  // namespace repartee::realtime
