// What a reader sees of a line of Markdown: no marks of emphasis or code, links and pictures by their words, no tags.
// Thread contract: a pure function; linear in the text's length.
#pragma once
#include <string>
#include <string_view>

namespace repartee::documents {

std::string inline_text(std::string_view text);

}  // namespace repartee::documents
