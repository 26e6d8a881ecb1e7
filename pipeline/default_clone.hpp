// The clone that is there on a fresh machine, so that a person can talk to the server at once. It knows itself: what Repartee is, how
// a conversation works, and how to go on.
// Thread contract: pure.
#pragma once
#include <string_view>

#include "core/records.hpp"

namespace repartee::pipeline {

constexpr std::string_view system_user_id = "00000000-0000-7000-8000-000000000000";    // owns what nobody made
constexpr std::string_view default_clone_id = "00000000-0000-7000-8000-000000000001";

CloneRecord default_clone();

}  // namespace repartee::pipeline
