// libFuzzer entry: an uploaded recording (WAV, FLAC, Ogg).
#include <cstdint>

#include "pipeline/audio_file.hpp"
#include "tests/fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto audio = repartee::pipeline::read_audio({data, size});
  if (!audio) {
    require(!audio.error().message.empty());
    return 0;
  }
  require(audio->rate_hz == repartee::asr_rate_hz);
  require(audio->duration_ms() <= repartee::pipeline::audio_file_seconds_max * 1000 + 1000);
  return 0;
}
