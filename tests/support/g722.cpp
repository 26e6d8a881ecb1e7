#include "tests/support/g722.hpp"

#include <algorithm>

namespace repartee::test {
namespace {

// Tables of the recommendation, in its names.
constexpr std::array<int, 8> wl{-60, -30, 58, 172, 334, 538, 1198, 3042};
constexpr std::array<int, 16> rl42{0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0};
constexpr std::array<int, 32> ilb{2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
                                  2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008};
constexpr std::array<int, 3> wh{0, -214, 798};
constexpr std::array<int, 4> rh2{2, 1, 2, 1};
constexpr std::array<int, 4> qm2{-7408, -1616, 7408, 1616};
constexpr std::array<int, 16> qm4{0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0};
constexpr std::array<int, 64> qm6{-136,  -136,  -136,  -136,  -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
                                  -9360, -8576, -7856, -7192, -6576,  -6000,  -5456,  -4944,  -4464,  -4008,  -3576,  -3168,  -2776,
                                  -2400, -2032, -1688, -1360, -1040,  -728,   24808,  21904,  19008,  16704,  14984,  13512,  12280,
                                  11192, 10232, 9360,  8576,  7856,   7192,   6576,   6000,   5456,   4944,   4464,   4008,   3576,
                                  3168,  2776,  2400,  2032,  1688,   1360,   1040,   728,    432,    136,    -432,   -136};
constexpr std::array<int, 12> qmf{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11};

int saturate(int value) { return std::clamp(value, -32768, 32767); }
int scaled(int a, int b) { return (a * b) >> 15; }
bool same_sign(int a, int b) { return (a < 0) == (b < 0); }

}  // namespace

// LOGSCL/LOGSCH and SCALEL/SCALEH.
void G722Decoder::Band::step(int change, int nb_max, int shift) {
  nb = std::clamp(((nb * 127) >> 7) + change, 0, nb_max);
  const int down = shift - (nb >> 11);
  const int mantissa = ilb[static_cast<std::size_t>((nb >> 6) & 31)];
  det = (down < 0 ? mantissa << -down : mantissa >> down) << 2;
}

// Block 4: RECONS, PARREC, UPPOL2, UPPOL1, UPZERO, DELAYA, FILTEP, FILTEZ, PREDIC.
void G722Decoder::Band::adapt(int difference) {
  d[0] = difference;
  r[0] = saturate(s + difference);
  p[0] = saturate(sz + difference);

  const int a1_fourfold = saturate(a[1] * 4);
  const int toward = std::min(same_sign(p[0], p[1]) ? -a1_fourfold : a1_fourfold, 32767);
  const int a2 = std::clamp((same_sign(p[0], p[2]) ? 128 : -128) + (toward >> 7) + scaled(a[2], 32512), -12288, 12288);
  const int a1_limit = saturate(15360 - a2);
  const int a1 = std::clamp(saturate((same_sign(p[0], p[1]) ? 192 : -192) + scaled(a[1], 32640)), -a1_limit, a1_limit);
  const int gain = difference == 0 ? 0 : 128;
  for (std::size_t i = 1; i < b.size(); ++i) b[i] = saturate((same_sign(d[i], d[0]) ? gain : -gain) + scaled(b[i], 32640));

  std::shift_right(d.begin(), d.end(), 1);
  r = {0, r[0], r[1]};
  p = {0, p[0], p[1]};
  a = {0, a1, a2};

  sp = saturate(scaled(a[1], saturate(2 * r[1])) + scaled(a[2], saturate(2 * r[2])));
  sz = 0;
  for (std::size_t i = b.size() - 1; i > 0; --i) sz += scaled(b[i], saturate(2 * d[i]));
  sz = saturate(sz);
  s = saturate(sp + sz);
}

int G722Decoder::decode_low(int code) {
  const int heard = std::clamp(low_.s + scaled(low_.det, qm6[static_cast<std::size_t>(code)]), -16384, 16383);
  const auto coarse = static_cast<std::size_t>(code >> 2);  // the predictor adapts by four bits at every bit rate
  const int difference = scaled(low_.det, qm4[coarse]);
  low_.step(wl[static_cast<std::size_t>(rl42[coarse])], 18432, 8);
  low_.adapt(difference);
  return heard;
}

int G722Decoder::decode_high(int code) {
  const auto index = static_cast<std::size_t>(code);
  const int difference = scaled(high_.det, qm2[index]);
  const int heard = std::clamp(high_.s + difference, -16384, 16383);
  high_.step(wh[static_cast<std::size_t>(rh2[index])], 22528, 10);
  high_.adapt(difference);
  return heard;
}

void G722Decoder::decode(std::span<const std::uint8_t> codes, Samples& out) {
  out.reserve(out.size() + codes.size() * 2);
  for (const std::uint8_t code : codes) {
    const int low = decode_low(code & 0x3F), high = decode_high(code >> 6);
    std::shift_left(history_.begin(), history_.end(), 2);
    history_[22] = low + high;
    history_[23] = low - high;
    int first = 0, second = 0;
    for (std::size_t i = 0; i < qmf.size(); ++i) {
      second += history_[2 * i] * qmf[i];
      first += history_[2 * i + 1] * qmf[qmf.size() - 1 - i];
    }
    out.push_back(static_cast<std::int16_t>(saturate(first >> 11)));
    out.push_back(static_cast<std::int16_t>(saturate(second >> 11)));
  }
}

}  // namespace repartee::test
