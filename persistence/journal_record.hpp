// How a record lies in the journal: a frame of a header and a payload.
//   header, 32 bytes, little-endian: magic u32, payload length u32, kind u8, version u8, flags u8 (1: sealed), 0 u8, reserved u32,
//   sequence u64, CRC-32 of the payload u32, CRC-32 of the 28 bytes before u32
//   payload: the record's fields in the order of journal_record.cpp. Integers and times (nanoseconds since 1970) 8 bytes, texts a length of
//   4 bytes and their bytes, what may be absent after a byte that says whether it is there
// The header has a checksum of its own, so that a damaged payload costs one record: its length can still be trusted.
// `version` counts changes of the payload. A new field goes to the end of its record and is read where the version has it.
// Thread contract: pure functions.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "persistence/record_batch.hpp"

namespace repartee::persistence {

constexpr std::size_t journal_header_bytes = 32;
constexpr std::uint8_t journal_record_version = 1;

struct FrameHeader {
  std::uint32_t payload_bytes = 0;
  std::uint8_t kind = 0;
  std::uint8_t version = journal_record_version;
  bool sealed = false;
  std::uint64_t sequence = 0;
  std::uint32_t payload_crc = 0;
};
// `header.payload_bytes` and `payload_crc` are filled in.
void append_frame(std::string& out, FrameHeader header, std::string_view payload);
std::optional<FrameHeader> parse_frame_header(std::string_view bytes);  // at least journal_header_bytes; empty: none, or damaged
bool payload_holds(const FrameHeader& header, std::string_view payload);

std::uint8_t kind_of(const RecordItem& item);
std::string encode_record(const RecordItem& item);         // without on_safe
std::size_t encoded_bytes(const RecordItem& item);         // what encode_record would make
Result<RecordItem> decode_record(std::uint8_t kind, std::uint8_t version, std::string_view payload);  // data_corrupt

// The journal's small notes beside its frames (how far the database has come): a number and its checksum.
std::string encode_mark(std::uint64_t value);
std::optional<std::uint64_t> decode_mark(std::string_view bytes);

}  // namespace repartee::persistence
