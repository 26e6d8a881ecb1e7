// Walks over the frames of one segment of the journal, in pieces of bounded size, and says what it met: whole frames, damage it can step
// over, and the ragged end that a crash leaves.
// Thread contract: one thread.
#pragma once
#include <string>

#include "persistence/journal_files.hpp"
#include "persistence/journal_record.hpp"

namespace repartee::persistence {

class FrameReader {
 public:
  enum class Got {
    frame,        // header(), payload(), offset()
    bad_payload,  // the header holds, the payload does not: stepped over; header(), offset()
    end,          // nothing more, and nothing left over
    torn,         // the last frame is not all there: what a crash in the middle of a write leaves
    bad_header,   // not a frame: nothing behind it can be found
    unreadable    // error()
  };
  // Reads file[offset, end).
  FrameReader(JournalFiles& files, std::filesystem::path file, std::uint64_t offset, std::uint64_t end, std::size_t record_bytes_max);
  Got next();
  const FrameHeader& header() const { return header_; }
  std::string_view payload() const { return std::string_view(buffer_).substr(at_ - header_.payload_bytes, header_.payload_bytes); }
  std::uint64_t offset() const { return frame_offset_; }                // where the frame just met begins
  std::uint64_t next_offset() const { return buffer_offset_ + at_; }    // where the next one does
  const Error& error() const { return error_; }

 private:
  bool fill(std::size_t wanted_bytes);  // false: an error of the file; fewer bytes than wanted: the end
  std::size_t available() const { return buffer_.size() - at_; }

  JournalFiles& files_;
  const std::filesystem::path file_;
  const std::uint64_t end_;
  const std::size_t record_bytes_max_;
  std::string buffer_;
  std::uint64_t buffer_offset_;  // of buffer_[0] in the file
  std::size_t at_ = 0;           // of the next frame in the buffer
  std::uint64_t frame_offset_ = 0;
  FrameHeader header_;
  Error error_;
};

}  // namespace repartee::persistence
