// The text of a document in the one plain form that is stored and cut into chunks: blocks with a blank line between them.
//   "# Heading" with one # a level; a paragraph, its line breaks where the author put some; "- item" lines, one a list item or table row;
//   code lines after four blanks.
// A table's row becomes a sentence that names its columns ("Day: Monday; Opens: 9:00."), so that it can be found and read aloud by itself.
// Thread contract: a value.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace repartee::documents {

class TextBuilder {
 public:
  using Cells = std::vector<std::string>;

  explicit TextBuilder(std::size_t text_bytes_max) : bytes_max_(text_bytes_max) {}

  // All of them leave out what has no letter and no digit, and normalise blanks within a line.
  void heading(int level, std::string_view text);
  void paragraph(std::string_view text);
  void item(std::string_view text);
  void code(std::string_view lines);
  void table(const std::vector<Cells>& rows, bool first_is_header);

  bool full() const { return full_; }  // the limit was passed: the rest is not taken
  bool empty() const { return text_.empty(); }
  // invalid_argument when it became too long, or when there is no text at all. `title` becomes the first heading where none says it.
  Result<std::string> take(std::string_view title);

 private:
  enum class Kind { none, item, other };
  void add(Kind kind, std::string_view prefix, std::string_view text);

  const std::size_t bytes_max_;
  std::string text_;
  Kind last_ = Kind::none;
  bool full_ = false;
};

}  // namespace repartee::documents
