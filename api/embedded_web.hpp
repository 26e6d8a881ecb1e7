// The files of web/ as bytes; the source is made at build time by embed_web.cmake.
#pragma once
#include <string_view>
#include <vector>

namespace repartee::api {

struct EmbeddedFile {
  std::string_view path, bytes;  // "js/main.js"
};
const std::vector<EmbeddedFile>& embedded_web();

}  // namespace repartee::api
