#include "pipeline/audio_file.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "tests/support/signal.hpp"

namespace repartee::pipeline {
namespace {

class AudioFile : public testing::Test {
 protected:
  AudioFile() {
    dir_ = std::filesystem::temp_directory_path() / ("repartee-audio-" + std::to_string(std::random_device{}()));
    std::filesystem::create_directory(dir_);
  }
  ~AudioFile() override { std::filesystem::remove_all(dir_); }
  static std::vector<std::uint8_t> bytes_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  std::filesystem::path dir_;
};

TEST_F(AudioFile, WavAndFlacComeBackAsTheyWent) {
  const Audio audio{.samples = test::white_noise(20000, 5000, 1), .rate_hz = 24000};
  for (const auto format : {AudioFileFormat::wav, AudioFileFormat::flac}) {
    ASSERT_TRUE(write_audio_file(dir_ / "a", audio, format).ok());
    const auto back = read_audio_file(dir_ / "a", 24000);
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(back->samples, audio.samples);
    EXPECT_EQ(back->rate_hz, 24000);
  }
}

TEST_F(AudioFile, OggVorbisKeepsALongRecordingAudibly) {
  const Audio audio{.samples = test::sine(440, 16000, 16000 * 20), .rate_hz = 16000};
  ASSERT_TRUE(write_audio_file(dir_ / "a.ogg", audio, AudioFileFormat::ogg_vorbis).ok());
  EXPECT_LT(std::filesystem::file_size(dir_ / "a.ogg"), audio.samples.size() / 2);
  const auto back = read_audio_file(dir_ / "a.ogg");
  ASSERT_TRUE(back.ok());
  ASSERT_EQ(back->samples.size(), audio.samples.size());
  EXPECT_GT(test::snr_db(audio.samples, back->samples), 15);
}

TEST_F(AudioFile, ReadsFromMemoryAsFromDiskAndResamples) {
  ASSERT_TRUE(write_audio_file(dir_ / "a.wav", {.samples = test::sine(440, 48000, 48000), .rate_hz = 48000}).ok());
  const auto from_disk = read_audio_file(dir_ / "a.wav");
  const auto from_memory = read_audio(bytes_of(dir_ / "a.wav"));
  ASSERT_TRUE(from_disk.ok() && from_memory.ok());
  EXPECT_EQ(from_disk->samples.size(), 16000u);
  EXPECT_EQ(from_memory->samples, from_disk->samples);
}

TEST_F(AudioFile, ReadsHeaderlessSamples) {
  const Samples samples = test::white_noise(1000, 3000, 2);
  const auto bytes = test::little_endian(samples);
  std::ofstream(dir_ / "a.raw", std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  const auto back = read_raw_file(dir_ / "a.raw", 16000);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->samples, samples);
}

TEST_F(AudioFile, SaysWhatIsNotThereAndWhatIsNotAudio) {
  EXPECT_EQ(read_audio_file(dir_ / "none.wav").error().code, Errc::not_found);
  EXPECT_EQ(read_audio_file(dir_).error().code, Errc::not_found);
  const std::vector<std::uint8_t> text{'h', 'e', 'l', 'l', 'o'};
  EXPECT_EQ(read_audio(text).error().code, Errc::data_corrupt);
  EXPECT_EQ(read_audio({}).error().code, Errc::data_corrupt);
  EXPECT_EQ(write_audio_file(dir_ / "no" / "such" / "a.wav", {}).error().code, Errc::unavailable);
}

TEST_F(AudioFile, DamagedFilesAreErrorsOrShorterButNeverACrash) {
  ASSERT_TRUE(write_audio_file(dir_ / "a.wav", {.samples = test::white_noise(2000, 3000, 3), .rate_hz = 16000}).ok());
  const auto good = bytes_of(dir_ / "a.wav");
  std::mt19937 random(4);
  std::size_t errors = 0;
  for (int i = 0; i < 500; ++i) {
    auto bad = good;
    for (int k = 0; k < 4; ++k) bad[random() % 44] = static_cast<std::uint8_t>(random());  // the header
    bad.resize(44 + random() % (bad.size() - 44));
    const auto got = read_audio(bad);
    if (got.ok()) ASSERT_LE(got->samples.size(), 16 * good.size());
    else ++errors;
  }
  EXPECT_GT(errors, 100u);
}

}  // namespace
}  // namespace repartee::pipeline
