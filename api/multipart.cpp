#include "api/multipart.hpp"

#include <algorithm>

#include "api/request_body.hpp"
#include "core/text.hpp"

namespace repartee::api {
namespace {

constexpr std::size_t boundary_chars_max = 70;   // RFC 2046, 5.1.1
constexpr std::size_t padding_bytes_max = 1000;  // blanks behind a boundary
constexpr std::size_t filename_bytes_max = 200, ending_bytes_max = 16;
constexpr std::string_view crlf = "\r\n";

Error bad(std::string message) { return {Errc::invalid_argument, "the multipart body is malformed: " + std::move(message)}; }

// "form-data; name=\"a\"; filename=\"b\"": the value, then its parameters, names in lower case. A backslash escapes a quote or a backslash
// only: browsers of old sent Windows paths.
struct HeaderValue {
  std::string value;
  std::vector<std::pair<std::string, std::string>> parameters;
  const std::string* find(std::string_view name) const {
    const auto at = std::find_if(parameters.begin(), parameters.end(), [&](const auto& parameter) { return parameter.first == name; });
    return at == parameters.end() ? nullptr : &at->second;
  }
};

std::optional<std::string> take_quoted(std::string_view& rest) {
  std::string out;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return out;
    }
    if (rest[i] == '\\' && i + 1 < rest.size() && (rest[i + 1] == '"' || rest[i + 1] == '\\')) ++i;
    out += rest[i];
  }
  return std::nullopt;
}

std::optional<HeaderValue> parse_value(std::string_view text) {
  HeaderValue header;
  auto end = std::min(text.find(';'), text.size());
  header.value = to_lower(trim(text.substr(0, end)));
  for (auto rest = text.substr(end); !rest.empty();) {
    rest = trim(rest.substr(1));
    if (rest.empty()) break;
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos || rest.find(';') < equals) return std::nullopt;
    auto name = to_lower(trim(rest.substr(0, equals)));
    rest = trim(rest.substr(equals + 1));
    if (rest.starts_with('"')) {
      auto value = take_quoted(rest);
      if (!value) return std::nullopt;
      rest = trim(rest);
      if (!rest.empty() && rest[0] != ';') return std::nullopt;
      header.parameters.emplace_back(std::move(name), std::move(*value));
    } else {
      end = std::min(rest.find(';'), rest.size());
      header.parameters.emplace_back(std::move(name), std::string(trim(rest.substr(0, end))));
      rest.remove_prefix(end);
    }
  }
  return header;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = static_cast<char>(c | 0x20);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string latin1_to_utf8(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xC0 | byte >> 6);
      out += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return out;
}

// RFC 5987: charset'language'percent-encoded.
std::optional<std::string> extended_value(std::string_view text) {
  const auto first = text.find('\''), second = first == std::string_view::npos ? first : text.find('\'', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto charset = to_lower(text.substr(0, first));
  auto decoded = percent_decoded(text.substr(second + 1));
  if (charset == "iso-8859-1") return latin1_to_utf8(decoded);
  if (charset != "utf-8") return std::nullopt;
  return decoded;
}

// "\r\nName: value" lines up to the blank one.
Result<FormPart> parse_headers(std::string_view text) {
  FormPart part;
  bool has_disposition = false;
  while (!text.empty()) {
    const auto end = std::min(text.find(crlf), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + crlf.size(), text.size()));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return bad("a part's header has no name");
    const auto name = to_lower(line.substr(0, colon));
    if (name == "content-type") part.content_type = std::string(trim(line.substr(colon + 1)));
    if (name != "content-disposition") continue;
    if (has_disposition) return bad("a part has two dispositions");
    has_disposition = true;
    const auto disposition = parse_value(line.substr(colon + 1));
    if (!disposition || disposition->value != "form-data") return bad("a part is no form data");
    const auto* field = disposition->find("name");
    if (!field || field->empty()) return bad("a part has no name");
    part.name = percent_decoded(*field);
    if (const auto* extended = disposition->find("filename*")) part.filename = extended_value(*extended);
    if (const auto* filename = disposition->find("filename"); filename && !part.filename) part.filename = percent_decoded(*filename);
  }
  if (!has_disposition) return bad("a part has no disposition");
  return part;
}

Result<std::string> boundary_of(std::string_view content_type) {
  const auto header = parse_value(content_type);
  if (!header || header->value != "multipart/form-data") return Error{Errc::invalid_argument, "the body must be multipart/form-data"};
  const auto* boundary = header->find("boundary");
  constexpr std::string_view allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ";
  if (!boundary || boundary->empty() || boundary->size() > boundary_chars_max || boundary->back() == ' ' ||
      boundary->find_first_not_of(allowed) != std::string::npos)
    return bad("its Content-Type has no valid boundary");
  return "--" + *boundary;
}

class Reader {
 public:
  Reader(std::string_view body, std::string delimiter, const MultipartLimits& limits)
      : body_(body), delimiter_(std::move(delimiter)), limits_(limits) {}

  Result<std::vector<FormPart>> read() {
    if (!skip_preamble()) return bad("its boundary does not come");
    std::vector<FormPart> parts;
    for (;;) {
      if (body_.substr(at_).starts_with("--")) return parts;  // what follows the last boundary is nobody's
      if (parts.size() == limits_.parts_max) return bad("it has more than " + std::to_string(limits_.parts_max) + " parts");
      if (!skip_line_end()) return bad("something stands behind a boundary");
      auto part = read_part();
      if (!part) return part.error();
      parts.push_back(std::move(*part));
    }
  }

 private:
  // The first boundary may stand at the very beginning; what is before it is nobody's.
  bool skip_preamble() {
    if (body_.starts_with(delimiter_)) {
      at_ = delimiter_.size();
      return true;
    }
    const auto found = body_.find(std::string(crlf) + delimiter_);
    if (found == std::string_view::npos) return false;
    at_ = found + crlf.size() + delimiter_.size();
    return true;
  }

  bool skip_line_end() {
    const auto from = at_;
    while (at_ < body_.size() && (body_[at_] == ' ' || body_[at_] == '\t') && at_ - from < padding_bytes_max) ++at_;
    if (!body_.substr(at_).starts_with(crlf)) return false;
    at_ += crlf.size();
    return true;
  }

  Result<FormPart> read_part() {
    const auto head = body_.substr(at_, limits_.header_bytes_max + 2 * crlf.size());
    const auto head_end = head.find("\r\n\r\n");
    if (head_end == std::string_view::npos) return bad("a part's headers are too long, or do not end");
    auto part = parse_headers(head.substr(0, head_end));
    if (!part) return part;
    const auto from = at_ + head_end + 2 * crlf.size();
    // An empty part's line end is the one that ends its headers.
    const auto end = body_.find(std::string(crlf) + delimiter_, from - crlf.size());
    if (end == std::string_view::npos) return bad("a part does not end");
    part->content = end < from ? std::string_view() : body_.substr(from, end - from);
    at_ = end + crlf.size() + delimiter_.size();
    return part;
  }

  const std::string_view body_;
  const std::string delimiter_;
  const MultipartLimits limits_;
  std::size_t at_ = 0;
};

// The longest beginning of at most so many bytes that cuts no character.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

std::string shortened(std::string name) {
  if (name.size() <= filename_bytes_max) return name;
  const auto dot = name.rfind('.');
  const std::string ending = dot != std::string::npos && name.size() - dot <= ending_bytes_max ? name.substr(dot) : "";
  return std::string(cut_utf8(std::string_view(name).substr(0, name.size() - ending.size()), filename_bytes_max - ending.size())) + ending;
}

}  // namespace

Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, std::string_view body, const MultipartLimits& limits) {
  auto delimiter = boundary_of(content_type);
  if (!delimiter) return delimiter.error();
  return Reader(body, std::move(*delimiter), limits).read();
}

const FormPart* find_part(const std::vector<FormPart>& parts, std::string_view name) {
  const auto at = std::find_if(parts.begin(), parts.end(), [&](const FormPart& part) { return part.name == name; });
  return at == parts.end() ? nullptr : &*at;
}

std::string safe_filename(std::string_view said) {
  if (const auto slash = said.find_last_of("/\\"); slash != std::string_view::npos) said.remove_prefix(slash + 1);
  const std::string utf8 = is_utf8(said) ? std::string(said) : latin1_to_utf8(said);
  std::string name;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    const bool is_c1 = c == 0xC2 && i + 1 < utf8.size() && static_cast<unsigned char>(utf8[i + 1]) < 0xA0;
    // Marks that turn the direction of writing make "txt.exe" look like something else.
    const auto third = utf8.compare(i, 2, "\xE2\x80") == 0 && i + 2 < utf8.size() ? static_cast<unsigned char>(utf8[i + 2]) : 0;
    const bool turns = (third >= 0x8B && third <= 0x8F) || (third >= 0xA8 && third <= 0xAE);
    if (is_c1) ++i;
    else if (turns) i += 2;
    else if (c >= 0x20 && c != 0x7F && std::string_view("\"<>:|?*").find(utf8[i]) == std::string_view::npos) name += utf8[i];
  }
  const auto from = name.find_first_not_of(" .");
  if (from == std::string::npos) return "document";
  name = shortened(name.substr(from, name.find_last_not_of(" .") - from + 1));
  name.erase(name.find_last_not_of(" .") + 1);  // where it was cut
  return name;
}

}  // namespace repartee::api
