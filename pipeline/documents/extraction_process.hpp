// Extraction in a process of its own: a file that makes a library crash, hang or fill the memory costs one job, not the server. The child
// is this same program again (`repartee extract-document`), under nobody's rights where we are root, with limits on memory, time and files and
// in a sandbox (sandbox.hpp); it gets the document in a sealed memory file as its standard input, answers through a pipe, and dies with its parent's thread.
// txt and md are read by our own code, which is linear in their size: they need no child.
// Thread contract: extract() from any thread; blocks for as long as it takes, at most time_max. run_extraction is the child's whole life.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "pipeline/documents/extract.hpp"

namespace repartee::documents {

inline constexpr const char* extraction_command = "extract-document";

class ExtractionProcess {
 public:
  struct Options {
    std::string program = "/proc/self/exe";
    ExtractionLimits limits;
    Duration time_max = std::chrono::seconds(30);  // of the clock; the child's CPU time is held to the same
    std::size_t memory_bytes_max = 1024ULL * 1024 * 1024;
  };
  explicit ExtractionProcess(Options options) : options_(std::move(options)) {}
  ExtractionProcess() : ExtractionProcess(Options()) {}

  // cancelled when should_stop said so, asked now and then. unavailable: no process could be made; data_corrupt: it did not survive the
  // file.
  Result<ExtractedText> extract(DocumentType type, std::string_view bytes, const std::function<bool()>& should_stop = {}) const;
  const ExtractionLimits& limits() const { return options_.limits; }

 private:
  const Options options_;
};

// The child: arguments as ExtractionProcess made them (after the command's name), document on standard input, answer on standard output.
// Its exit code.
int run_extraction(int argc, const char* const* argv);

}  // namespace repartee::documents
