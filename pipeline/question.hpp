// The question that documents are asked, out of a conversation.
// Thread contract: pure functions.
#pragma once
#include <string>
#include <vector>

#include "pipeline/providers.hpp"

namespace repartee::pipeline {

constexpr std::size_t question_bytes_max = 2000;

// The user's last words, with their words before where the last ones only point back ("and how much is it?"). Empty: nothing was said.
std::string question_of(const std::vector<ChatMessage>& messages);

}  // namespace repartee::pipeline
