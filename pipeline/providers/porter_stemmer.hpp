// The stem of an English word: "interrupting", "interruptions" -> "interrupt".
// M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, with the author's later changes to steps 2 (bli, logi).
// Thread contract: a pure function. Words in lower-case ASCII; others, and those of one or two letters, come back unchanged.
#pragma once
#include <string>
#include <string_view>

namespace repartee::pipeline {

std::string porter_stem(std::string_view word);

}  // namespace repartee::pipeline
