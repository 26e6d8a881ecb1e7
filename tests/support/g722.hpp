// A decoder for G.722 at 64 kbit/s (ITU-T G.722, 09/2012, clause 6 and its tables), for recordings that come in it: bytes in,
// 16 kHz samples out, two a byte.
// Thread contract: one thread at a time.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "core/audio.hpp"

namespace repartee::test {

class G722Decoder {
 public:
  void decode(std::span<const std::uint8_t> codes, Samples& out);  // appends

 private:
  // The adaptive predictor of a sub-band; names as in the recommendation.
  struct Band {
    int s = 0, sp = 0, sz = 0;  // the predicted signal: pole part and zero part
    int nb = 0, det = 0;        // the quantiser's step, as logarithm and as such
    std::array<int, 3> r{}, p{}, a{};
    std::array<int, 7> d{}, b{};
    void adapt(int difference);
    void step(int change, int nb_max, int shift);
  };
  int decode_low(int code);
  int decode_high(int code);

  Band low_{.det = 32}, high_{.det = 8};
  std::array<int, 24> history_{};  // of the synthesis filter
};

}  // namespace repartee::test
