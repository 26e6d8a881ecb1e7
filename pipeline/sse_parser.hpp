// Server-sent events (WHATWG HTML, 9.2) out of bytes cut anywhere: LF, CR and CRLF lines, comments, several data lines an event.
// Thread contract: a value. After an error the parser takes nothing more.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace repartee::pipeline {

struct SseEvent {
  std::string name;  // empty: "message"
  std::string data;
};

class SseParser {
 public:
  struct Options {
    std::size_t line_bytes_max = 256 * 1024;
    std::size_t event_bytes_max = 1024 * 1024;  // all data lines of one event
  };
  SseParser() : SseParser(Options{256 * 1024, 1024 * 1024}) {}
  explicit SseParser(Options options) : options_(options) {}

  Result<std::vector<SseEvent>> push(std::string_view bytes);  // resource_exhausted when a limit is passed
  // The event under way when the stream ends without its blank line. The standard drops it; servers that forget the line exist.
  std::vector<SseEvent> finish();

 private:
  void end_line(std::vector<SseEvent>& out);
  void end_event(std::vector<SseEvent>& out);

  Options options_;
  std::string line_;
  SseEvent event_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool failed_ = false;
};

}  // namespace repartee::pipeline
