# Turns files into one C++ source: cmake -DFUNCTION=embedded_web -DFOLDER=web -DFILES="index.html;js/main.js" -DOUT=... -P embed_files.cmake
set(arrays "")
set(rows "")
set(number 0)
foreach(file ${FILES})
  file(READ ${FOLDER}/${file} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "constexpr unsigned char file_${number}[] = {${bytes}0};\n")
  string(APPEND rows "      {\"${file}\", {reinterpret_cast<const char*>(file_${number}), ${size}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT} "// Made by embed_files.cmake from ${FOLDER}.
#include \"api/embedded_files.hpp\"

namespace repartee::api {
namespace {
${arrays}
}  // namespace

const std::vector<EmbeddedFile>& ${FUNCTION}() {
  static const std::vector<EmbeddedFile> files{
${rows}  };
  return files;
}

}  // namespace repartee::api
")
