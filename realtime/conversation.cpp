#include "realtime/conversation.hpp"

#include <algorithm>
#include <map>
#include <ranges>
#include <utility>

#include "pipeline/context_window.hpp"

namespace repartee::realtime {
namespace {

constexpr const char* no_result_yet = "(no result yet)";   // a model refuses a call without any

// What the items are to a language model. A call and its result stand together there, wherever the result came in: side by side calls
// make one message, joined to the words that were said before them, and their results follow.
class MessagesOf {
 public:
  template <class Items>
  explicit MessagesOf(const Items& items) {
    for (const Item& item : items)
      if (item.kind == ItemKind::function_call_output) outputs_.emplace(item.call_id, &item);
    for (const Item& item : items) add(item);
    close_calls();
  }
  std::vector<pipeline::ChatMessage> take() { return std::move(out_); }

 private:
  void add(const Item& item) {
    switch (item.kind) {
      case ItemKind::message: return add_message(item);
      case ItemKind::function_call: return add_call(item);
      case ItemKind::function_call_output:
      case ItemKind::reference: return;
    }
  }

  void add_message(const Item& item) {
    std::string text = text_of(item);
    if (text.empty()) return;
    using pipeline::Role;
    close_calls();
    out_.push_back({item.role == ItemRole::user ? Role::user : item.role == ItemRole::system ? Role::system : Role::assistant, std::move(text)});
  }

  void add_call(const Item& item) {
    if (item.status != ItemStatus::completed) return;   // cut short: never executed
    if (!calls_open_ && (out_.empty() || out_.back().role != pipeline::Role::assistant)) out_.push_back({pipeline::Role::assistant, ""});
    calls_open_ = true;
    out_.back().tool_calls.push_back({item.call_id, item.name, item.arguments});
  }

  void close_calls() {
    if (!std::exchange(calls_open_, false)) return;
    const auto calls = out_.back().tool_calls;
    for (const auto& call : calls) {
      const auto output = outputs_.find(call.call_id);
      out_.push_back({pipeline::Role::tool, output == outputs_.end() ? no_result_yet : output->second->output, {}, call.call_id});
    }
  }

  std::vector<pipeline::ChatMessage> out_;
  std::map<std::string, const Item*> outputs_;
  bool calls_open_ = false;
};

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

std::vector<pipeline::ChatMessage> to_messages(const std::vector<Item>& items) { return MessagesOf(items).take(); }

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

const Item* Conversation::find_call(const std::string& call_id, ItemKind kind) const {
  const auto at = std::find_if(items_.rbegin(), items_.rend(), [&](const Item& i) { return i.kind == kind && i.call_id == call_id; });
  return at == items_.rend() ? nullptr : &*at;
}

std::vector<pipeline::ChatMessage> Conversation::messages() const { return MessagesOf(std::ranges::subrange(context_begin(), items_.end())).take(); }

std::deque<Item>::const_iterator Conversation::context_begin() const {
  if (context_begin_id_.empty()) return items_.begin();
  const auto at = std::ranges::find(items_, context_begin_id_, &Item::id);
  return at == items_.end() ? items_.begin() : at;
}

Result<std::vector<pipeline::ChatMessage>> Conversation::messages_within(const Truncation& truncation, int tokens_max) {
  auto all = messages();
  const int limit = std::min(tokens_max, truncation.post_instructions.value_or(tokens_max));
  int tokens = 0;
  for (const auto& message : all) tokens += pipeline::message_tokens(message);
  if (tokens <= limit) return all;
  switch (truncation.kind) {
    case Truncation::Kind::automatic: return pipeline::cut_history(all, limit, items_max);
    case Truncation::Kind::disabled:
      return Error{Errc::resource_exhausted, "the conversation has outgrown what the model reads (" + std::to_string(limit) + " tokens), and truncation is disabled"};
    case Truncation::Kind::retention_ratio: break;
  }
  cut_to(static_cast<int>(limit * truncation.retention_ratio));
  return pipeline::cut_history(messages(), limit, items_max);   // should the newest alone be too long
}

// The oldest items leave the context until what remains fits, and begins with a user's words; the newest always stays.
void Conversation::cut_to(int tokens) {
  if (items_.empty()) return;
  auto begin = std::prev(items_.cend());
  int used = 0;
  for (auto at = items_.cend(); at != context_begin();) {
    --at;
    used += pipeline::estimate_tokens(text_of(*at)) + pipeline::estimate_tokens(at->arguments) + pipeline::estimate_tokens(at->output);
    if (used > tokens) break;
    if (at->kind == ItemKind::message && at->role != ItemRole::assistant) begin = at;
  }
  context_begin_id_ = begin->id;
}

}  // namespace repartee::realtime
