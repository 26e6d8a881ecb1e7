// The parser of uploads: whatever comes, every part lies within the body, and every file name is harmless.
#include <cstdint>
#include <cstdlib>

#include "api/multipart.hpp"
#include "api/request_body.hpp"
#include "core/text.hpp"

using namespace repartee;
using namespace repartee::api;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_name(std::string_view said) {
  const auto name = safe_filename(said);
  require(!name.empty() && name.size() <= 200 && is_utf8(name) && is_clean_text(name));
  require(name.find_first_of("/\\\"\r\n<>") == std::string::npos && name.front() != '.' && name != "..");
  require(safe_filename(name) == name);
}

}  // namespace

// The first line is the Content-Type, so that the fuzzer finds boundaries by itself too; the rest is the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto line = input.substr(0, input.find('\n'));
  const auto body = input.substr(std::min(line.size() + 1, input.size()));
  for (const auto type : {line, std::string_view("multipart/form-data; boundary=XX")}) {
    const auto parts = parse_multipart(type, body);
    if (!parts) {
      require(!parts.error().message.empty());
      continue;
    }
    require(parts->size() <= MultipartLimits{}.parts_max);
    for (const auto& part : *parts) {
      require(!part.name.empty());
      require(part.content.empty() || (part.content.data() >= body.data() && part.content.data() + part.content.size() <= body.data() + body.size()));
      if (part.filename) check_name(*part.filename);
    }
  }
  check_name(input);
  return 0;
}
