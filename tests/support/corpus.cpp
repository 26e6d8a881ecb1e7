#include "tests/support/corpus.hpp"

#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>

#include "pipeline/audio_file.hpp"
#include "tests/support/g722.hpp"
#include "tests/support/wer.hpp"

namespace repartee::test {
namespace {

const std::filesystem::path asterisk_sounds = "/usr/share/asterisk/sounds/en_US_f_Allison";
const std::filesystem::path asterisk_transcripts = "/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz";
const std::filesystem::path pocketsphinx_data = "/usr/share/pocketsphinx/test/data";
constexpr std::size_t prompt_words_min = 4;

Error missing(const std::filesystem::path& file, const char* package) {
  return {Errc::not_found, file.string() + " is missing: install Debian's " + package};
}

Result<std::string> read_gzip(const std::filesystem::path& file) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(gzopen(file.c_str(), "rb"), gzclose);
  if (!in) return missing(file, "asterisk-core-sounds-en");
  std::string text, piece(64 << 10, '\0');
  for (int got = 0; (got = gzread(in.get(), piece.data(), static_cast<unsigned>(piece.size()))) > 0;)
    text.append(piece, 0, static_cast<std::size_t>(got));
  return text;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  return first == std::string::npos ? std::string{} : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// Sphinx writes "<s> the words </s> (id)".
Recording sphinx_line(const std::string& line) {
  const auto open = line.rfind('('), close = line.rfind(')');
  const auto begin = line.find("<s>"), end = line.find("</s>");
  if (open == std::string::npos || close == std::string::npos || begin == std::string::npos || end == std::string::npos) return {};
  return {.id = line.substr(open + 1, close - open - 1), .transcript = trimmed(line.substr(begin + 3, end - begin - 3)), .file = {}};
}

}  // namespace

Result<std::vector<Recording>> asterisk_prompts() {
  auto list = read_gzip(asterisk_transcripts);
  if (!list) return list.error();
  std::vector<Recording> prompts;
  std::istringstream lines(*list);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (line.starts_with(';') || colon == std::string::npos) continue;
    Recording prompt{.id = trimmed(line.substr(0, colon)), .transcript = trimmed(line.substr(colon + 1)), .file = {}};
    if (prompt.id.find('/') != std::string::npos || prompt.transcript.find_first_of("[(<0123456789") != std::string::npos) continue;
    if (normalised_words(prompt.transcript).size() < prompt_words_min) continue;
    prompt.file = asterisk_sounds / (prompt.id + ".g722");
    if (std::filesystem::exists(prompt.file)) prompts.push_back(std::move(prompt));
  }
  if (prompts.empty()) return missing(asterisk_sounds, "asterisk-core-sounds-en-g722");
  return prompts;
}

Result<std::vector<Recording>> pocketsphinx_recordings() {
  std::vector<Recording> recordings;
  for (const auto& [folder, list] : {std::pair{"librivox", "transcription"}, std::pair{"cards", "cards.transcription"}}) {
    std::ifstream lines(pocketsphinx_data / folder / list);
    if (!lines) return missing(pocketsphinx_data / folder / list, "pocketsphinx-testdata");
    for (std::string line; std::getline(lines, line);) {
      Recording recording = sphinx_line(line);
      recording.file = pocketsphinx_data / folder / (recording.id + ".wav");
      if (!recording.id.empty() && std::filesystem::exists(recording.file)) recordings.push_back(std::move(recording));
    }
  }
  return recordings;
}

std::vector<Recording> spread(const std::vector<Recording>& recordings, std::size_t count) {
  if (count >= recordings.size()) return recordings;
  std::vector<Recording> chosen;
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(recordings[i * recordings.size() / count]);
  return chosen;
}

Result<Samples> load_samples(const Recording& recording) {
  if (recording.file.extension() != ".g722") {
    auto audio = pipeline::read_audio_file(recording.file);
    if (!audio) return audio.error();
    return std::move(audio->samples);
  }
  std::ifstream in(recording.file, std::ios::binary);
  if (!in) return missing(recording.file, "asterisk-core-sounds-en-g722");
  const std::vector<std::uint8_t> codes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  Samples samples;
  G722Decoder().decode(codes, samples);
  return samples;
}

Samples padded(const Samples& samples, std::size_t before_ms, std::size_t after_ms) {
  Samples result(before_ms * asr_rate_hz / 1000, 0);
  result.insert(result.end(), samples.begin(), samples.end());
  result.resize(result.size() + after_ms * asr_rate_hz / 1000, 0);
  return result;
}

}  // namespace repartee::test
