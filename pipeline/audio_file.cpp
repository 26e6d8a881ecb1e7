#include "pipeline/audio_file.hpp"

#include <sndfile.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "pipeline/resampler.hpp"

namespace repartee::pipeline {
namespace {

constexpr std::size_t frames_per_call = 4096;  // libsndfile's Vorbis writer overflows its stack with very long pieces

struct Close {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using File = std::unique_ptr<SNDFILE, Close>;

Result<Audio> read_all(File file, const SF_INFO& info, int rate_hz) {
  if (!file) return Error{Errc::data_corrupt, "not an audio file that can be read"};
  if (info.channels < 1 || info.channels > audio_file_channels_max)
    return Error{Errc::invalid_argument, "audio files have 1 to 8 channels"};
  if (info.samplerate < Resampler::rate_hz_min || info.samplerate > Resampler::rate_hz_max)
    return Error{Errc::invalid_argument, "audio files are sampled at 4 to 192 kHz"};
  const auto channels = static_cast<std::size_t>(info.channels);
  const auto frames_max = static_cast<std::size_t>(audio_file_seconds_max * info.samplerate);
  Audio audio{.samples = {}, .rate_hz = info.samplerate};
  Samples piece(frames_per_call * channels);
  // The header's own count of frames is not believed.
  for (;;) {
    const sf_count_t got = sf_readf_short(file.get(), piece.data(), static_cast<sf_count_t>(frames_per_call));
    if (got <= 0) break;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
      int sum = 0;
      for (std::size_t c = 0; c < channels; ++c) sum += piece[i * channels + c];
      audio.samples.push_back(static_cast<std::int16_t>(sum / info.channels));
    }
    if (audio.samples.size() > frames_max) return Error{Errc::invalid_argument, "the recording is longer than two hours"};
  }
  if (const int error = sf_error(file.get()); error != SF_ERR_NO_ERROR) return Error{Errc::data_corrupt, sf_error_number(error)};
  return resampled(audio, rate_hz);
}

// libsndfile's view of bytes in memory: read, or written to `out` (which `bytes` then follows).
struct Memory {
  std::span<const std::uint8_t> bytes;
  std::size_t at = 0;
  std::vector<std::uint8_t>* out = nullptr;
};

SF_VIRTUAL_IO memory_io() {
  return {
      .get_filelen = [](void* user) { return static_cast<sf_count_t>(static_cast<Memory*>(user)->bytes.size()); },
      .seek =
          [](sf_count_t offset, int whence, void* user) {
            auto& memory = *static_cast<Memory*>(user);
            const auto size = static_cast<sf_count_t>(memory.bytes.size());
            const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? static_cast<sf_count_t>(memory.at) : size;
            // Beyond either end is the end: base and offset are not added before that is known.
            const sf_count_t clamped = std::clamp(offset, -base, size - base);
            memory.at = static_cast<std::size_t>(base + clamped);
            return static_cast<sf_count_t>(memory.at);
          },
      .read =
          [](void* to, sf_count_t count, void* user) {
            auto& memory = *static_cast<Memory*>(user);
            const std::size_t n = std::min(static_cast<std::size_t>(std::max<sf_count_t>(count, 0)), memory.bytes.size() - memory.at);
            if (n > 0) std::memcpy(to, memory.bytes.data() + memory.at, n);
            memory.at += n;
            return static_cast<sf_count_t>(n);
          },
      .write =
          [](const void* from, sf_count_t count, void* user) {
            auto& memory = *static_cast<Memory*>(user);
            if (!memory.out || count <= 0) return sf_count_t{0};
            const auto n = static_cast<std::size_t>(count);
            if (memory.out->size() < memory.at + n) memory.out->resize(memory.at + n);
            std::memcpy(memory.out->data() + memory.at, from, n);
            memory.at += n;
            memory.bytes = *memory.out;
            return count;
          },
      .tell = [](void* user) { return static_cast<sf_count_t>(static_cast<Memory*>(user)->at); },
  };
}

int library_format(AudioFileFormat format) {
  switch (format) {
    case AudioFileFormat::wav: return SF_FORMAT_WAV | SF_FORMAT_PCM_16;
    case AudioFileFormat::flac: return SF_FORMAT_FLAC | SF_FORMAT_PCM_16;
    case AudioFileFormat::ogg_vorbis: return SF_FORMAT_OGG | SF_FORMAT_VORBIS;
  }
  return 0;
}

SF_INFO info_of(const Audio& audio, AudioFileFormat format) {
  SF_INFO info{};
  info.samplerate = audio.rate_hz;
  info.channels = 1;
  info.format = library_format(format);
  return info;
}

Status write_all(File file, const Audio& audio, const std::string& name) {
  if (!file) return Error{Errc::unavailable, "cannot write " + name + ": " + sf_strerror(nullptr)};
  for (std::size_t at = 0; at < audio.samples.size(); at += frames_per_call) {
    const auto count = static_cast<sf_count_t>(std::min(frames_per_call, audio.samples.size() - at));
    if (sf_writef_short(file.get(), audio.samples.data() + at, count) != count)
      return Error{Errc::unavailable, "cannot write " + name + ": " + sf_strerror(file.get())};
  }
  if (sf_close(file.release()) != 0) return Error{Errc::unavailable, "cannot finish " + name};
  return {};
}

Status require_file(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(file, ignored)) return {};
  return Error{Errc::not_found, file.string() + " is not a file"};
}

}  // namespace

Result<Audio> read_audio_file(const std::filesystem::path& path, int rate_hz) {
  if (auto there = require_file(path); !there) return there.error();
  SF_INFO info{};
  File file(sf_open(path.c_str(), SFM_READ, &info));
  return read_all(std::move(file), info, rate_hz);
}

Result<Audio> read_audio(std::span<const std::uint8_t> bytes, int rate_hz) {
  Memory memory{.bytes = bytes};
  SF_VIRTUAL_IO io = memory_io();
  SF_INFO info{};
  File file(sf_open_virtual(&io, SFM_READ, &info, &memory));
  return read_all(std::move(file), info, rate_hz);
}

Status write_audio_file(const std::filesystem::path& path, const Audio& audio, AudioFileFormat format) {
  SF_INFO info = info_of(audio, format);
  return write_all(File(sf_open(path.c_str(), SFM_WRITE, &info)), audio, path.string());
}

Result<std::vector<std::uint8_t>> write_audio(const Audio& audio, AudioFileFormat format) {
  std::vector<std::uint8_t> bytes;
  Memory memory{.bytes = {}, .out = &bytes};
  SF_VIRTUAL_IO io = memory_io();
  SF_INFO info = info_of(audio, format);
  auto written = write_all(File(sf_open_virtual(&io, SFM_WRITE, &info, &memory)), audio, "audio into memory");
  if (!written) return written.error();
  return bytes;
}

Result<Audio> read_raw_file(const std::filesystem::path& path, int file_rate_hz, int rate_hz) {
  if (auto there = require_file(path); !there) return there.error();
  SF_INFO info{};
  info.samplerate = file_rate_hz;
  info.channels = 1;
  info.format = SF_FORMAT_RAW | SF_FORMAT_PCM_16 | SF_ENDIAN_LITTLE;
  File file(sf_open(path.c_str(), SFM_READ, &info));
  return read_all(std::move(file), info, rate_hz);
}

}  // namespace repartee::pipeline
