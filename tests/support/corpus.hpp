// Human speech with transcripts, from Debian packages: asterisk-core-sounds-en-g722 (telephone prompts, one voice; the transcripts are in
// asterisk-core-sounds-en) and pocketsphinx-testdata (readers and card players, many voices).
// Thread contract: every function from any thread; they read files.
// Errors: not_found, naming the package to install.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/audio.hpp"
#include "core/result.hpp"

namespace repartee::test {

struct Recording {
  std::string id, transcript;
  std::filesystem::path file;
};

// Prompts of at least four words without figures or stage directions, in the order of their list.
Result<std::vector<Recording>> asterisk_prompts();
Result<std::vector<Recording>> pocketsphinx_recordings();

// `count` of them, evenly spread over the list.
std::vector<Recording> spread(const std::vector<Recording>& recordings, std::size_t count);

Result<Samples> load_samples(const Recording& recording);  // 16 kHz

// The recording with digital silence around it.
Samples padded(const Samples& samples, std::size_t before_ms, std::size_t after_ms);

}  // namespace repartee::test
