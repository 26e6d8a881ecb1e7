// Files that are part of the program: the page (web/), and the description of the HTTP interface (api/openapi/). The sources are made at
// build time by embed_files.cmake.
// Thread contract: every function from any thread.
#pragma once
#include <string_view>
#include <vector>

namespace repartee::api {

struct EmbeddedFile {
  std::string_view path, bytes;  // "js/main.js"
};
const std::vector<EmbeddedFile>& embedded_web();
const std::vector<EmbeddedFile>& embedded_openapi();

}  // namespace repartee::api
