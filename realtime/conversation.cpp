#include "realtime/conversation.hpp"

#include <algorithm>

namespace repartee::realtime {
namespace {

void append_message(std::vector<pipeline::ChatMessage>& out, const Item& item) {
  using pipeline::Role;
  if (item.kind == ItemKind::function_call_output) {
    out.push_back({Role::tool, item.output});
    return;
  }
  if (item.kind != ItemKind::message) return;
  std::string text = text_of(item);
  if (text.empty()) return;
  const Role role = item.role == ItemRole::user ? Role::user : item.role == ItemRole::system ? Role::system : Role::assistant;
  out.push_back({role, std::move(text)});
}

}  // namespace

std::string text_of(const Item& item) {
  std::string out;
  for (const auto& part : item.content) {
    if (part.text.empty()) continue;
    if (!out.empty()) out += ' ';
    out += part.text;
  }
  return out;
}

std::vector<pipeline::ChatMessage> to_messages(const std::vector<Item>& items) {
  std::vector<pipeline::ChatMessage> out;
  for (const auto& item : items) append_message(out, item);
  return out;
}

std::optional<std::string> Conversation::add(Item item, const std::optional<std::string>& after) {
  if (find(item.id)) return std::nullopt;
  auto at = items_.end();
  if (after && *after == "root") {
    at = items_.begin();
  } else if (after) {
    at = std::find_if(items_.begin(), items_.end(), [&](const Item& i) { return i.id == *after; });
    if (at == items_.end()) return std::nullopt;
    ++at;
  }
  std::string previous = at == items_.begin() ? "" : std::prev(at)->id;
  items_.insert(at, std::move(item));
  if (items_.size() > items_max) items_.pop_front();
  return previous;
}

const Item* Conversation::find(const std::string& id) const {
  // From the back: what is asked for is nearly always recent.
  const auto at = std::find_if(items_.rbegin(), items_.rend(), [&](const Item& i) { return i.id == id; });
  return at == items_.rend() ? nullptr : &*at;
}

bool Conversation::remove(const std::string& id) {
  const auto at = std::find_if(items_.begin(), items_.end(), [&](const Item& i) { return i.id == id; });
  if (at == items_.end()) return false;
  items_.erase(at);
  return true;
}

std::vector<pipeline::ChatMessage> Conversation::messages() const {
  std::vector<pipeline::ChatMessage> out;
  for (const auto& item : items_) append_message(out, item);
  return out;
}

}  // namespace repartee::realtime
