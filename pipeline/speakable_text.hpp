// What of a written text is said aloud: markdown marks, code fences, table bars, HTML tags and emoji go, links leave their text,
// bare URLs their host.
// Thread contract: a pure function. Works on a whole text or clause by clause (a mark whose partner is in another clause goes too).
#pragma once
#include <string>
#include <string_view>

namespace repartee::pipeline {

std::string speakable_text(std::string_view text);  // spaces normalised; may be empty: nothing to say

}  // namespace repartee::pipeline
