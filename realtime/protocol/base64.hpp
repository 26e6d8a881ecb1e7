// Base64 of RFC 4648 section 4, as audio travels in JSON. Decoding is strict: the standard alphabet, padded, no white space, and no bits
// left over, so that every byte string has exactly one text.
// Thread contract: pure functions.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace repartee::realtime::base64 {

constexpr std::size_t encoded_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }
constexpr std::size_t decoded_size_max(std::size_t characters) { return characters / 4 * 3; }

void append_encoded(std::string& out, std::span<const std::uint8_t> bytes);
std::string encode(std::string_view bytes);

// invalid_argument says what is wrong and where.
Result<std::string> decode(std::string_view text);
// The same without memory of its own: into `room`, of decoded_size_max at least. How many bytes; what stands behind them has no meaning.
Result<std::size_t> decode_into(std::string_view text, std::span<char> room);

}  // namespace repartee::realtime::base64
