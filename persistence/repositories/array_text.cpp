#include "persistence/repositories/array_text.hpp"

#include <cstdio>
#include <cstdlib>

#include "persistence/database_error.hpp"

namespace repartee::persistence {
namespace {

void append_quoted(std::string& out, std::string_view element) {
  out += '"';
  for (const char c : element) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

template <class Elements, class Append>
std::string in_braces(const Elements& elements, Append append) {
  std::string out = "{";
  for (const auto& element : elements) {
    if (out.size() > 1) out += ',';
    append(out, element);
  }
  return out += '}';
}

[[noreturn]] void no_array() { throw DatabaseError(Errc::internal, "what should be an array is none"); }

// One element, quoted or bare, from `at` on; leaves `at` behind it.
std::string read_element(std::string_view body, std::size_t& at) {
  std::string element;
  if (body[at] != '"') {
    while (at < body.size() && body[at] != ',') element += body[at++];
    return element == "NULL" ? std::string() : element;
  }
  for (++at; at < body.size() && body[at] != '"'; ++at) {
    if (body[at] == '\\' && ++at == body.size()) no_array();
    element += body[at];
  }
  if (at++ >= body.size()) no_array();
  return element;
}

}  // namespace

std::string array_text(const std::vector<std::optional<std::string>>& elements) {
  return in_braces(elements, [](std::string& out, const std::optional<std::string>& element) {
    if (element) append_quoted(out, *element);
    else out += "NULL";
  });
}

std::string array_text(const std::vector<std::string>& elements) {
  return in_braces(elements, [](std::string& out, const std::string& element) { append_quoted(out, element); });
}

std::string array_text(const std::vector<float>& elements) {
  return in_braces(elements, [](std::string& out, float element) {
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", static_cast<double>(element));
    out += text;
  });
}

std::vector<std::string> parse_text_array(std::string_view text) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') no_array();
  const auto body = text.substr(1, text.size() - 2);
  std::vector<std::string> elements;
  for (std::size_t at = 0; at < body.size(); ++at) {
    elements.push_back(read_element(body, at));
    if (at < body.size() && body[at] != ',') no_array();
  }
  return elements;
}

std::vector<float> parse_real_array(std::string_view text) {
  std::vector<float> elements;
  for (const auto& element : parse_text_array(text)) elements.push_back(std::strtof(element.c_str(), nullptr));
  return elements;
}

}  // namespace repartee::persistence
