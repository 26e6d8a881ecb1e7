// libFuzzer entry: a request's JSON body through the bounds, the parser and the schema of every operation that takes one.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "api/openapi.hpp"
#include "core/text.hpp"

using namespace repartee;

namespace {

const api::OpenApi& description() {
  static const auto loaded = api::OpenApi::load();
  if (!loaded) std::abort();
  return **loaded;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  transport::Request request;
  request.body.assign(reinterpret_cast<const char*>(data), size);
  request.headers["content-type"] = "application/json";
  for (const auto& [key, operation] : description().operations()) {
    std::shared_ptr<const nlohmann::json> body;
    const auto refusal = operation->check(request, {}, body);
    require(!refusal || (!body && !refusal->error.message.empty() && is_utf8(refusal->error.message)));
  }
  return 0;
}
