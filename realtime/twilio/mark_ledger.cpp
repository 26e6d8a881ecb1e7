#include "realtime/twilio/mark_ledger.hpp"

#include <algorithm>

namespace repartee::realtime::twilio {

void MarkLedger::begin(std::string item_id) {
  if (item_id == item_id_) return;
  item_id_ = std::move(item_id);
  sent_ms_ = marked_ms_ = heard_ms_ = 0;
  heard_at_.reset();
  for (auto& open : open_) open.at_ms = -1;
}

std::string MarkLedger::mark_here() {
  marked_ms_ = sent_ms_;
  open_.push_back({next_number_, sent_ms_});
  if (open_.size() > open_marks_max) open_.pop_front();
  return "repartee-" + std::to_string(next_number_++);
}

std::optional<std::string> MarkLedger::sent(std::int64_t ms) {
  sent_ms_ += ms;
  if (sent_ms_ - marked_ms_ < mark_every_ms) return std::nullopt;
  return mark_here();
}

std::optional<std::string> MarkLedger::finish() {
  if (sent_ms_ == marked_ms_) return std::nullopt;
  return mark_here();
}

void MarkLedger::returned(const std::string& name, TimePoint now) {
  const auto at = std::find_if(open_.begin(), open_.end(), [&](const Open& open) { return name == "repartee-" + std::to_string(open.number); });
  if (at == open_.end()) return;   // somebody else's, or from before a clear
  if (at->at_ms >= 0) {
    heard_ms_ = at->at_ms;
    heard_at_ = now;
  }
  open_.erase(open_.begin(), at + 1);   // they come in order: what was before it was played too
}

MarkLedger::Heard MarkLedger::heard(TimePoint now) const {
  std::int64_t ms = heard_ms_;
  if (heard_at_) {
    const auto next = std::find_if(open_.begin(), open_.end(), [](const Open& open) { return open.at_ms >= 0; });
    ms = std::min(ms + to_ms(now - *heard_at_), next == open_.end() ? sent_ms_ : next->at_ms);
  }
  return {item_id_, ms};
}

void MarkLedger::clear() {
  open_.clear();
  marked_ms_ = sent_ms_;
}

}  // namespace repartee::realtime::twilio
