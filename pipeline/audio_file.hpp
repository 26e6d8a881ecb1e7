// Audio files, through libsndfile: wav, flac, ogg, opus, mp3 and more are read, mixed to mono and resampled; wav, flac and ogg written.
// Thread contract: every function from any thread; they block on the disk.
// Errors: not_found, data_corrupt (not an audio file, or a damaged one), invalid_argument (beyond a limit), unavailable (disk).
#pragma once
#include <filesystem>
#include <span>

#include "core/audio.hpp"
#include "core/result.hpp"

namespace repartee::pipeline {

constexpr int audio_file_channels_max = 8;
constexpr std::int64_t audio_file_seconds_max = 2 * 60 * 60;  // a session's longest recording

enum class AudioFileFormat { wav, flac, ogg_vorbis };

Result<Audio> read_audio_file(const std::filesystem::path& file, int rate_hz = asr_rate_hz);
Result<Audio> read_audio(std::span<const std::uint8_t> bytes, int rate_hz = asr_rate_hz);
Status write_audio_file(const std::filesystem::path& file, const Audio& audio, AudioFileFormat format = AudioFileFormat::wav);

Result<std::vector<std::uint8_t>> write_audio(const Audio& audio, AudioFileFormat format);

// Headerless 16-bit little-endian mono.
Result<Audio> read_raw_file(const std::filesystem::path& file, int file_rate_hz, int rate_hz = asr_rate_hz);

}  // namespace repartee::pipeline
