#include "pipeline/documents/markdown_inline.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "pipeline/documents/text_encoding.hpp"

namespace repartee::documents {
namespace {

constexpr std::size_t span_bytes_max = 1000;  // a bracket, tag or code that goes on longer is text
constexpr int nesting_max = 8;                // links around pictures and the like

bool is_word(unsigned char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80; }
bool is_punctuation(unsigned char c) { return c > 0x20 && c < 0x7F && !is_word(c); }

constexpr std::array<std::pair<std::string_view, char32_t>, 12> entities{{{"amp", '&'},
                                                                          {"lt", '<'},
                                                                          {"gt", '>'},
                                                                          {"quot", '"'},
                                                                          {"apos", '\''},
                                                                          {"nbsp", ' '},
                                                                          {"ndash", 0x2013},
                                                                          {"mdash", 0x2014},
                                                                          {"hellip", 0x2026},
                                                                          {"copy", 0xA9},
                                                                          {"euro", 0x20AC},
                                                                          {"deg", 0xB0}}};

class Line {
 public:
  Line(std::string_view text, int nesting) : text_(text), nesting_(nesting) {}

  std::string read() {
    while (at_ < text_.size()) read_one();
    return std::move(out_);
  }

 private:
  unsigned char peek(std::size_t ahead = 1) const {
    return at_ + ahead < text_.size() ? static_cast<unsigned char>(text_[at_ + ahead]) : ' ';
  }
  unsigned char before() const { return at_ > 0 ? static_cast<unsigned char>(text_[at_ - 1]) : ' '; }

  void read_one() {
    const char c = text_[at_];
    if (c == '\\' && is_punctuation(peek())) {
      out_ += text_[at_ + 1];
      at_ += 2;
    } else if (c == '`'                    ? take_code()
               : c == '!' && peek() == '[' ? take_link(at_ + 1)
               : c == '['                  ? take_link(at_)
               : c == '<'                  ? take_tag()
                                           : c == '&' && take_entity()) {
      return;
    } else if ((c == '*' || c == '_' || c == '~') && is_emphasis(c)) {
      ++at_;
    } else {
      out_ += c;
      ++at_;
    }
  }

  // "2 * 3", "snake_case" and "~5" are no emphasis.
  bool is_emphasis(char c) const {
    const auto next = peek(), last = before();
    if (c == '~') return next == '~' || last == '~';
    if (c == '*') return next != ' ' || (last != ' ' && at_ > 0);
    return !(is_word(last) && is_word(next)) && !(last == ' ' && next == ' ');
  }

  bool take_code() {
    const auto ticks_end = std::min(text_.find_first_not_of('`', at_), text_.size());
    const auto ticks = text_.substr(at_, ticks_end - at_);
    const auto close = text_.substr(ticks_end, span_bytes_max).find(ticks);
    if (close == std::string_view::npos) {
      at_ = ticks_end;
      return true;
    }
    out_.append(text_.substr(ticks_end, close));
    at_ = ticks_end + close + ticks.size();
    return true;
  }

  std::size_t closing(std::size_t open, char opens, char closes) const {
    int depth = 0;
    const auto end = std::min(text_.size(), open + span_bytes_max);
    for (std::size_t i = open; i < end; ++i) {
      if (text_[i] == '\\') ++i;
      else if (text_[i] == opens) ++depth;
      else if (text_[i] == closes && --depth == 0) return i;
    }
    return std::string_view::npos;
  }

  bool take_link(std::size_t open) {
    const auto close = nesting_ < nesting_max ? closing(open, '[', ']') : std::string_view::npos;
    if (close == std::string_view::npos) return false;
    const auto words = text_.substr(open + 1, close - open - 1);
    std::size_t end = close;
    if (close + 1 < text_.size() && text_[close + 1] == '(') end = closing(close + 1, '(', ')');
    else if (close + 1 < text_.size() && text_[close + 1] == '[') end = closing(close + 1, '[', ']');
    else if (!words.starts_with('^')) return false;  // brackets by themselves are text; [^1] is a footnote's mark
    if (end == std::string_view::npos) return false;
    if (!words.starts_with('^')) out_ += Line(words, nesting_ + 1).read();
    at_ = end + 1;
    return true;
  }

  bool take_tag() {
    const auto next = peek();
    if (!is_word(next) && next != '/' && next != '!') return false;
    const auto close = text_.substr(at_, span_bytes_max).find('>');
    if (close == std::string_view::npos) return false;
    const auto inner = text_.substr(at_ + 1, close - 1);
    const bool is_address = inner.find("://") != std::string_view::npos || inner.find('@') != std::string_view::npos;
    if (is_address && inner.find_first_of(" \"") == std::string_view::npos) out_.append(inner);
    else if (inner.starts_with("br")) out_ += '\n';
    at_ += close + 1;
    return true;
  }

  bool take_entity() {
    const auto end = text_.substr(at_, 12).find(';');
    if (end == std::string_view::npos || end < 2) return false;
    auto name = text_.substr(at_ + 1, end - 1);
    if (name[0] == '#') {
      const bool hex = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
      std::uint32_t value = 0;
      const char* from = name.data() + (hex ? 2 : 1);
      const auto [rest, bad] = std::from_chars(from, name.data() + name.size(), value, hex ? 16 : 10);
      if (bad != std::errc() || rest != name.data() + name.size()) return false;
      std::string decoded;
      append_utf8(decoded, value);
      out_ += clean_text(decoded);
    } else {
      const auto* known = std::find_if(entities.begin(), entities.end(), [&](const auto& entity) { return entity.first == name; });
      if (known == entities.end()) return false;
      append_utf8(out_, known->second);
    }
    at_ += end + 1;
    return true;
  }

  const std::string_view text_;
  const int nesting_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string inline_text(std::string_view text) { return Line(text, 0).read(); }

}  // namespace repartee::documents
