#include "pipeline/documents/extraction_answer.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "pipeline/documents/text_encoding.hpp"

namespace repartee::documents {
namespace {

constexpr std::size_t message_bytes_max = 500;

std::size_t number(std::string_view& line) {
  std::size_t value = 0;
  const auto [rest, bad] = std::from_chars(line.data(), line.data() + line.size(), value);
  line.remove_prefix(static_cast<std::size_t>(rest - line.data()));
  if (line.starts_with(' ')) line.remove_prefix(1);
  return bad == std::errc() ? value : SIZE_MAX;
}

}  // namespace

std::string write_answer(const Result<ExtractedText>& result) {
  if (result)
    return "ok " + std::to_string(result->pages) + ' ' + std::to_string(result->title.size()) + '\n' + result->title + result->text;
  const bool damaged = result.error().code == Errc::data_corrupt;
  return std::string(damaged ? "damaged" : "refused") + '\n' + result.error().message;
}

Result<ExtractedText> parse_answer(std::string_view answer) {
  const auto line_end = answer.find('\n');
  auto line = answer.substr(0, line_end);
  const auto rest = line_end == std::string_view::npos ? std::string_view() : answer.substr(line_end + 1);
  if (line == "damaged" || line == "refused")
    return Error{line == "damaged" ? Errc::data_corrupt : Errc::invalid_argument, clean_text(rest.substr(0, message_bytes_max))};
  const Error none{Errc::data_corrupt, "The document could not be read. It may be damaged; save it anew and upload it again."};
  if (!line.starts_with("ok ")) return none;
  line.remove_prefix(3);
  const auto pages = number(line);
  const auto title_bytes = number(line);
  if (title_bytes > rest.size()) return none;
  ExtractedText text{clean_text(rest.substr(title_bytes)), clean_text(rest.substr(0, title_bytes)),
                     static_cast<int>(std::min<std::size_t>(pages, 1'000'000))};
  if (text.text.empty()) return none;
  return text;
}

}  // namespace repartee::documents
