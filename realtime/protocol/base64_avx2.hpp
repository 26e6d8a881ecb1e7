// Base64 a vector at a time, for processors with AVX2: 24 bytes are 32 characters. The idea is of W. Mula and D. Lemire, "Faster Base64
// Encoding and Decoding using AVX2 Instructions" (2018): characters are classed by table look-ups among 16 bytes, without a branch.
// Thread contract: pure. Only where the processor has AVX2 (base64.cpp asks).
// No standard headers but these: what is compiled for a newer processor must not be shared with the rest of the program.
#pragma once
#include <cstddef>
#include <cstdint>

namespace repartee::realtime::base64::avx2 {

// The front of what there is, in whole vectors; the rest is the caller's. How many bytes were taken: a multiple of 24. `to` takes 4/3 of
// them.
std::size_t encode(const std::uint8_t* from, std::size_t bytes, char* to);

// The same back: how many characters were taken, a multiple of 32. Reads and writes nothing beyond `characters` and 3/4 of them. Stops
// before a vector in which something is not in the alphabet.
std::size_t decode(const char* from, std::size_t characters, char* to);

}  // namespace repartee::realtime::base64::avx2
