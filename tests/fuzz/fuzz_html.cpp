#include "tests/fuzz/fuzz_document.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return repartee::test::fuzz_document(repartee::documents::DocumentType::html, data, size);
}
