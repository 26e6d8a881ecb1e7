#include "persistence/column_arrays.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace repartee::persistence {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

bool is_plain(char c) { return static_cast<signed char>(c) > 0; }  // ASCII without NUL

std::string mended(const std::string& text) {
  using nlohmann::json;
  std::string without_nul;
  for (const char c : text) c == '\0' ? without_nul.append(replacement) : without_nul.append(1, c);
  const auto valid = json(std::move(without_nul)).dump(-1, ' ', false, json::error_handler_t::replace);
  return json::parse(valid).get<std::string>();
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const auto next = std::min(text.find_first_of("\"\\", at), text.size());
    out += text.substr(at, next - at);
    if (next < text.size()) (out += '\\') += text[next];
    at = next + 1;
  }
  out += '"';
}

}  // namespace

void ColumnArrays::append(std::string& out, const std::string& text) {
  begin(out);
  if (std::all_of(text.begin(), text.end(), is_plain)) append_quoted(out, text);
  else append_quoted(out, mended(text));
}

void ColumnArrays::append(std::string& out, double value) {
  char digits[40];
  const auto [end, failed] = std::to_chars(digits, digits + sizeof digits, value);
  append_bare(out, std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

Params ColumnArrays::to_params() && {
  Params params;
  for (auto& text : texts_) params.add(std::move(text += text.empty() ? "{}" : "}"));
  return params;
}

}  // namespace repartee::persistence
