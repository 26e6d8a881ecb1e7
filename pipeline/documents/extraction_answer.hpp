// What the extracting child tells its parent: a line ("ok <pages> <title bytes>", "refused" or "damaged"), then the
// title and the text, or the message. The parent trusts none of it: a child that a file has taken over may say anything.
// Thread contract: pure functions.
#pragma once
#include "pipeline/documents/extract.hpp"

namespace repartee::documents {

std::string write_answer(const Result<ExtractedText>& result);
Result<ExtractedText> parse_answer(std::string_view answer);  // data_corrupt when it is none

}  // namespace repartee::documents
