// The shapes a mouth takes while speaking, in the 22-shape numbering of the Azure speech documentation (0: closed, at rest), so that a client
// can move the lips of a face. From the sounds of the engines that know theirs: flite's in ARPAbet, Kokoro's own symbols.
// Thread contract: pure functions.
#pragma once
#include <optional>
#include <string_view>

namespace repartee::pipeline {

constexpr int viseme_at_rest = 0, viseme_ids_max = 21;

std::optional<int> viseme_of_arpabet(std::string_view sound);  // "ae", "hh", "pau"; none: no such sound
std::optional<int> viseme_of_symbol(char32_t symbol);          // none: no sound of its own (stress, length, punctuation, blank)

}  // namespace repartee::pipeline
