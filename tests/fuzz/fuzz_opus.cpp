// libFuzzer entry: packets as a client might send them, each behind a byte that says how long it is, through decoder and concealment.
#include <cstdint>

#include "pipeline/opus_codec.hpp"
#include "tests/fuzz/require.hpp"

using namespace repartee::pipeline;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  OpusDecoder16k decoder;
  for (std::size_t at = 0; at < size;) {
    const std::size_t piece = std::min<std::size_t>(data[at] * 6U, size - at - 1);   // up to beyond the limit
    const auto samples = decoder.decode({data + at + 1, piece});
    if (samples) require(samples->size() <= 16U * opus_packet_ms_max);
    else require(!samples.error().message.empty());
    if (data[at] % 7 == 0) require(static_cast<bool>(decoder.conceal(20)));
    at += piece + 1;
  }
  return 0;
}
