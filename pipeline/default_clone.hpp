// The clone that is there on a fresh machine, so that a person can talk to the server at once. It knows itself: what Repartee is, how
// a conversation works, and how to go on.
// Thread contract: pure.
#pragma once
#include "core/records.hpp"

namespace repartee::pipeline {

CloneRecord default_clone();   // without ids: the store gives them

}  // namespace repartee::pipeline
