// multipart/form-data (RFC 7578 over RFC 2046): the parts of an upload, as views into the body. Strict where leniency could be abused,
// lenient where browsers and tools differ: file names come quoted, percent-encoded (WHATWG), backslash-escaped or as filename* (RFC 5987).
// Thread contract: pure functions.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace repartee::api {

struct MultipartLimits {
  std::size_t parts_max = 16;
  std::size_t header_bytes_max = 4096;  // of one part's headers together
};
struct FormPart {
  std::string name;
  std::optional<std::string> filename;  // as the client said it: see safe_filename
  std::string content_type;             // empty: not said
  std::string_view content;             // within the body that was parsed
};

// `content_type`: the request's header, with the boundary. invalid_argument, with what is wrong.
Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, std::string_view body, const MultipartLimits& limits = {});
const FormPart* find_part(const std::vector<FormPart>& parts, std::string_view name);  // the first; null: there is none

// A name that is safe to store, show and save under: the last component of a path of any system, no control characters, quotes or
// reserved characters, no dot at its ends, valid UTF-8, at most 200 bytes with its ending kept; "document" when nothing is left.
std::string safe_filename(std::string_view said);

}  // namespace repartee::api
