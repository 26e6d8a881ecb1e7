// libFuzzer entry: messages of a telephone call.
#include <cstdint>
#include <string_view>

#include "realtime/twilio/messages.hpp"
#include "tests/fuzz/require.hpp"

using namespace repartee::realtime;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = twilio::parse({reinterpret_cast<const char*>(data), size});
  if (!message) {
    require(!message.error().message.empty());
  } else if (const auto* start = std::get_if<twilio::Start>(&*message)) {
    require(!start->stream_sid.empty() && start->stream_sid.size() <= twilio::sid_bytes_max);
    require(start->parameters.size() <= twilio::parameters_max);
  } else if (const auto* media = std::get_if<twilio::Media>(&*message)) {
    require(media->bytes.size() <= size);
    require(static_cast<bool>(twilio::parse(twilio::media("MZ1", media->bytes))));
  }
  return 0;
}
