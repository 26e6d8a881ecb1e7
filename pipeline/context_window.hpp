// What a language model is given to read: one system message (persona, instructions, quoted passages), then as much of the newest
// conversation as fits.
// Thread contract: pure functions. Tokens are estimated at 4 characters each, and 4 more a message for its frame.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/providers.hpp"

namespace repartee::pipeline {

struct ContextWindowOptions {
  int input_tokens_max = 6000;          // all of it; the system message is never cut below its persona and instructions
  int passages_tokens_max = 1500;       // best first; what does not fit is left out whole
  std::size_t messages_max = 200;
};

int estimate_tokens(std::string_view text);
int message_tokens(const ChatMessage& message);   // with its tool calls and frame

// The newest messages that fit, oldest first. An answer is never left without what it answers: when something is cut, what remains
// begins with a user's message, or with the newest tool calls; a call and its results stay together. The last message is always there,
// its beginning only if it alone is too long.
std::vector<ChatMessage> cut_history(const std::vector<ChatMessage>& messages, int tokens_max, std::size_t messages_max);

std::string system_prompt(const LlmRequest& request, const ContextWindowOptions& options = {});

// The system message first, then the history that fits beside it.
std::vector<ChatMessage> context_for(const LlmRequest& request, const ContextWindowOptions& options = {});

}  // namespace repartee::pipeline
