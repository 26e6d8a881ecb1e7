// The conversation's items in order, and what the language model sees of them. An assistant item's text is what was heard.
// Thread contract: none; pure, used on the session's loop. Memory: at most items_max items; the oldest are forgotten.
#pragma once
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "pipeline/providers.hpp"
#include "realtime/protocol/items.hpp"

namespace repartee::realtime {

class Conversation {
 public:
  static constexpr std::size_t items_max = 2000;

  // Appends, or inserts behind `after` ("root": first). Returns the id before it ("" if first); nullopt: no such `after`, or the id is taken.
  std::optional<std::string> add(Item item, const std::optional<std::string>& after = std::nullopt);
  const Item* find(const std::string& id) const;
  Item* find(const std::string& id) { return const_cast<Item*>(std::as_const(*this).find(id)); }
  const Item* find_call(const std::string& call_id, ItemKind kind) const;   // the function_call, or its function_call_output
  bool remove(const std::string& id);
  const std::deque<Item>& items() const { return items_; }

  std::vector<pipeline::ChatMessage> messages() const;   // items with words, oldest first
  // The same, cut to what the model reads. What a retention ratio cuts stays cut. resource_exhausted: too long, and not to be cut.
  Result<std::vector<pipeline::ChatMessage>> messages_within(const Truncation& truncation, int tokens_max);

 private:
  std::deque<Item>::const_iterator context_begin() const;
  void cut_to(int tokens);

  std::deque<Item> items_;
  std::string context_begin_id_;                         // items before it are history only; empty: none are
};

std::string text_of(const Item& item);                   // its parts' texts, joined by spaces
std::vector<pipeline::ChatMessage> to_messages(const std::vector<Item>& items);

}  // namespace repartee::realtime
