#include "persistence/frame_reader.hpp"

#include <algorithm>

namespace repartee::persistence {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;

// A file that was made longer before its bytes arrived ends in zeros after a power cut.
bool all_zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

}  // namespace

FrameReader::FrameReader(JournalFiles& files, std::filesystem::path file, std::uint64_t offset, std::uint64_t end,
                         std::size_t record_bytes_max)
    : files_(files), file_(std::move(file)), end_(end), record_bytes_max_(record_bytes_max), buffer_offset_(offset), frame_offset_(offset) {}

FrameReader::Got FrameReader::next() {
  frame_offset_ = next_offset();
  if (!fill(journal_header_bytes)) return Got::unreadable;
  if (available() == 0) return Got::end;
  if (available() < journal_header_bytes) return Got::torn;
  const auto bytes = std::string_view(buffer_).substr(at_, journal_header_bytes);
  const auto header = parse_frame_header(bytes);
  if (!header) return all_zero(bytes) ? Got::torn : Got::bad_header;
  if (header->payload_bytes > record_bytes_max_) return Got::bad_header;
  header_ = *header;
  const auto frame_bytes = journal_header_bytes + header_.payload_bytes;
  if (!fill(frame_bytes)) return Got::unreadable;
  if (available() < frame_bytes) return Got::torn;
  at_ += frame_bytes;
  if (payload_holds(header_, payload())) return Got::frame;
  return next_offset() >= end_ ? Got::torn : Got::bad_payload;
}

bool FrameReader::fill(std::size_t wanted_bytes) {
  if (available() >= wanted_bytes) return true;
  buffer_.erase(0, at_);
  buffer_offset_ += at_;
  at_ = 0;
  const auto read_offset = buffer_offset_ + buffer_.size();
  if (read_offset >= end_) return true;
  const auto missing = std::max(wanted_bytes - buffer_.size(), piece_bytes);
  auto more = files_.read(file_, read_offset, static_cast<std::size_t>(std::min<std::uint64_t>(missing, end_ - read_offset)));
  if (!more) {
    error_ = more.error();
    return false;
  }
  buffer_ += *more;
  return true;
}

}  // namespace repartee::persistence
