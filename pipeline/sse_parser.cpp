#include "pipeline/sse_parser.hpp"

namespace repartee::pipeline {

Result<std::vector<SseEvent>> SseParser::push(std::string_view bytes) {
  std::vector<SseEvent> out;
  if (failed_) return Error{Errc::resource_exhausted, "the event stream has failed before"};
  for (const char c : bytes) {
    const bool second_of_crlf = c == '\n' && after_cr_;
    after_cr_ = c == '\r';
    if (second_of_crlf) continue;
    if (c == '\n' || c == '\r') {
      end_line(out);
    } else {
      line_ += c;
    }
    if (line_.size() > options_.line_bytes_max || event_.data.size() > options_.event_bytes_max) {
      failed_ = true;
      return Error{Errc::resource_exhausted, "a line or an event of the stream is too long"};
    }
  }
  return out;
}

std::vector<SseEvent> SseParser::finish() {
  std::vector<SseEvent> out;
  if (failed_) return out;
  if (!line_.empty()) end_line(out);
  end_event(out);
  return out;
}

void SseParser::end_line(std::vector<SseEvent>& out) {
  const std::string line = std::move(line_);
  line_.clear();
  if (line.empty()) return end_event(out);
  if (line.front() == ':') return;  // a comment, often a keep-alive
  const std::size_t colon = line.find(':');
  const std::string_view field = std::string_view(line).substr(0, colon);
  std::string_view value = colon == std::string::npos ? std::string_view{} : std::string_view(line).substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.name = value;
  }
}

void SseParser::end_event(std::vector<SseEvent>& out) {
  if (has_data_) out.push_back(std::move(event_));
  event_ = {};
  has_data_ = false;
}

}  // namespace repartee::pipeline
